package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes puts a child into a process group of its own, so that a terminal's Ctrl-C does
// not reach it, and has the kernel kill it when the supervisor dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// unmountBelow detaches every mount below the folder, the innermost first.
func unmountBelow(folder string) error {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer file.Close()
	var points []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// The fifth field is the mount point, with blanks and the like as octal escapes.
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		point, err := strconv.Unquote(`"` + strings.ReplaceAll(fields[4], `"`, `\"`) + `"`)
		if err != nil {
			return fmt.Errorf("mount point %s: %w", fields[4], err)
		}
		if strings.HasPrefix(point, folder+"/") {
			points = append(points, point)
		}
	}
	for _, point := range slices.Backward(points) {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return lines.Err()
}
