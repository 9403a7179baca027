// Command controlplane is a Kubernetes control plane in one binary, for tests and the demo.
//
// The first argument chooses the program: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, kubelet or kubectl, or one of the helpers of this module, supervise and
// service-account-key. A symbolic link with a program's name does the same, so that a link called
// kubectl is a kubectl.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// programs maps a name to what runs it. A program reads os.Args as if it were a binary of its own,
// and returns its exit code. components.go adds Kubernetes itself.
var programs = map[string]func() int{
	"supervise":           supervise,
	"service-account-key": serviceAccountKey,
}

func main() {
	run, ok := programs[filepath.Base(os.Args[0])]
	if !ok && len(os.Args) > 1 {
		if run, ok = programs[os.Args[1]]; ok {
			os.Args = os.Args[1:]
		}
	}
	if !ok {
		names := slices.Sorted(maps.Keys(programs))
		fmt.Fprintf(os.Stderr, "usage: controlplane %s [arguments]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	os.Exit(run())
}
