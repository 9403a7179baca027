package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// serviceAccountKey writes a new private key, with which an API server signs and verifies the
// tokens of service accounts, to the file named by its only argument. It is here so that neither
// Python's standard library, which cannot make keys, nor an openssl is needed for it.
func serviceAccountKey() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: service-account-key FILE")
		return 2
	}
	if err := writeKey(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "service-account-key:", err)
		return 1
	}
	return 0
}

func writeKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key) // the one form that it reads both halves from
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return os.WriteFile(file, block, 0o600)
}
