// Command kstatus asks the code of GitOps tools themselves, for tests.
//
//	kstatus judge KUSTOMIZATION ARGOCD-CM   what kstatus, Flux and Argo CD make of objects
//	kstatus apply                           apply manifests as Flux does
//
// judge reads one object a line, in JSON, and writes one answer a line; KUSTOMIZATION is a Flux
// Kustomization with health check expressions, ARGOCD-CM the ConfigMap with health checks in Lua.
// apply reads YAML, with every namespace given, finds the cluster by KUBECONFIG, and writes what
// has become of each object.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "judge":
		err = judge(context.Background(), os.Args[2], os.Args[3], os.Stdin, os.Stdout)
	case len(os.Args) == 2 && os.Args[1] == "apply":
		err = apply(context.Background(), os.Stdin, os.Stdout)
	default:
		fmt.Fprintln(os.Stderr, "usage: kstatus judge KUSTOMIZATION ARGOCD-CM | kstatus apply")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}
