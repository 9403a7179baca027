package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// A request is one line of JSON on the supervisor's standard input; each is answered by one line,
// a reply, on its standard output. End of input is the request to end everything.
type request struct {
	Do      string            `json:"do"`      // start, stop, status, keep-logs
	Name    string            `json:"name"`    // of the process, for start, stop and status
	Command []string          `json:"command"` // start: the program and its arguments
	Env     map[string]string `json:"env"`     // start: added to the supervisor's own
	Signal  int               `json:"signal"`  // stop: what to send first; 0 is SIGTERM
}

type reply struct {
	Error  string `json:"error,omitempty"`
	PID    int    `json:"pid,omitempty"`    // start, status
	Exited string `json:"exited,omitempty"` // stop, status: how the process ended
}

type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has been waited for
}

type supervisor struct {
	folder    string
	grace     time.Duration
	keepLogs  bool
	processes []*process // in the order of their first start, those that have ended included
}

// supervise owns a folder and the processes that are started for it. Whoever starts it holds its
// standard input: when that closes, even because the holder was killed, the processes are ended in
// the reverse order of their start and the folder is removed. If the supervisor itself is killed,
// the kernel kills the processes (only on Linux); the folder then stays.
func supervise() int {
	// The kernel's parent death signal is tied to the thread that started the child, so this
	// thread has to live as long as the supervisor does.
	runtime.LockOSThread()

	var s supervisor
	flag.StringVar(&s.folder, "folder", "", "an existing folder, removed at the end; logs go to logs/ in it")
	flag.DurationVar(&s.grace, "grace", 5*time.Second, "between SIGTERM and SIGKILL")
	flag.Parse()
	if !filepath.IsAbs(s.folder) || s.folder == "/" {
		fmt.Fprintln(os.Stderr, "supervise: -folder has to be an absolute path")
		return 2
	}

	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// A reply to a dead parent must not kill the supervisor before it has cleaned up. Ignoring the
	// signal would be inherited by the children; taking note of it is not.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	lines := make(chan []byte)
	go readLines(lines)
	out := json.NewEncoder(os.Stdout)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return s.end()
			}
			_ = out.Encode(s.answer(line))
		case <-end:
			return s.end()
		}
	}
}

func readLines(lines chan<- []byte) {
	defer close(lines)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		lines <- slices.Clone(in.Bytes())
	}
}

func (s *supervisor) answer(line []byte) reply {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return reply{Error: err.Error()}
	}
	p := s.find(r.Name)
	if r.Do == "keep-logs" {
		s.keepLogs = true
		return reply{}
	}
	if r.Do == "start" {
		return s.start(r)
	}
	if p == nil {
		return reply{Error: fmt.Sprintf("%q has not been started", r.Name)}
	}
	switch r.Do {
	case "status":
		if p.running() {
			return reply{PID: p.cmd.Process.Pid}
		}
		return reply{Exited: p.cmd.ProcessState.String()}
	case "stop":
		first := syscall.Signal(r.Signal)
		if first == 0 {
			first = syscall.SIGTERM
		}
		s.stop(p, first)
		return reply{Exited: p.cmd.ProcessState.String()}
	}
	return reply{Error: fmt.Sprintf("cannot %q", r.Do)}
}

func (s *supervisor) find(name string) *process {
	for _, p := range s.processes {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (s *supervisor) start(r request) reply {
	known := s.find(r.Name)
	if known != nil && known.running() {
		return reply{Error: fmt.Sprintf("%q is already running", r.Name)}
	}
	if r.Name == "" || filepath.Base(r.Name) != r.Name || len(r.Command) == 0 {
		return reply{Error: "start needs a name that can be a file's, and a command"}
	}
	// Appending keeps what a killed process wrote when it is started again.
	log, err := os.OpenFile(s.log(r.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return reply{Error: err.Error()}
	}
	defer log.Close()

	cmd := exec.Command(r.Command[0], r.Command[1:]...)
	cmd.Env = os.Environ()
	for name, value := range r.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Dir = s.folder
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return reply{Error: err.Error()}
	}
	p := &process{name: r.Name, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		// What it started and left in its group ends with it.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		close(p.done)
	}()
	if known != nil {
		// In its old place, or an etcd that was restarted would end before its API server.
		*known = *p
	} else {
		s.processes = append(s.processes, p)
	}
	return reply{PID: cmd.Process.Pid}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop signals the process, kills it after the grace, and waits for its end.
func (s *supervisor) stop(p *process, first syscall.Signal) {
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Signal(first)
	select {
	case <-p.done:
	case <-time.After(s.grace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (s *supervisor) log(name string) string {
	return filepath.Join(s.folder, "logs", name+".log")
}

// end stops everything, the last started first, and removes the folder, or all of it but the logs.
func (s *supervisor) end() int {
	for _, p := range slices.Backward(s.processes) {
		s.stop(p, syscall.SIGTERM)
	}
	// A kubelet leaves mounts behind, and removing a folder through a mount would remove what is
	// mounted there.
	if err := unmountBelow(s.folder); err != nil {
		fmt.Fprintf(os.Stderr, "supervise: %s stays: %v\n", s.folder, err)
		return 1
	}
	entries, err := os.ReadDir(s.folder)
	for _, entry := range entries {
		if !s.keepLogs || entry.Name() != "logs" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.folder, entry.Name())))
		}
	}
	if !s.keepLogs {
		err = errors.Join(err, os.Remove(s.folder))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "supervise:", err)
		return 1
	}
	return 0
}
