//go:build !linux

package main

import "syscall"

// childAttributes puts a child into a process group of its own. Only Linux can also tie its life to
// the supervisor's.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// unmountBelow has nothing to do: a kubelet, which makes the mounts, runs on Linux only.
func unmountBelow(string) error { return nil }
