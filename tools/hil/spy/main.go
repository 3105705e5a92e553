// Command spy is what the bench adds in front of the image, in an initramfs part of its own: it starts as the first
// process (rdinit=/spy), leaves a copy of itself behind that writes on the console what runs, and becomes the image's own
// first process. The image itself is not changed and has no door for it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "watch" {
		watch()
	}
	_, err := syscall.ForkExec("/spy", []string{"spy", "watch"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		fmt.Fprintln(os.Stderr, "SPY cannot stay:", err)
	}
	err = syscall.Exec("/init", []string{"/init"}, os.Environ())
	fmt.Fprintln(os.Stderr, "SPY:", err)
}

// watch reports every few seconds.
func watch() {
	for n := 1; ; n++ {
		time.Sleep(3 * time.Second)
		for _, line := range processes() {
			fmt.Fprintf(os.Stderr, "SPY %d process %s\n", n, line)
		}
		for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"} {
			for _, line := range sockets(kind) {
				fmt.Fprintf(os.Stderr, "SPY %d socket %s %s\n", n, kind, line)
			}
		}
		b, _ := os.ReadFile("/proc/mounts")
		for line := range strings.Lines(string(b)) {
			fmt.Fprintf(os.Stderr, "SPY %d mount %s\n", n, strings.TrimSpace(line))
		}
		fmt.Fprintf(os.Stderr, "SPY %d end\n", n)
	}
}

// processes is one line a process that has a program (kernel threads have none), without ourselves.
func processes() []string {
	var out []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		cmd, _ := os.ReadFile(d + "/cmdline")
		if len(cmd) == 0 || filepath.Base(d) == fmt.Sprint(os.Getpid()) {
			continue
		}
		out = append(out, fmt.Sprintf("pid=%s name=%s %s", filepath.Base(d), strings.Split(string(cmd), "\x00")[0],
			facts(d+"/status")))
	}
	return out
}

// facts are the lines of a status file that say what a process may do.
func facts(path string) string {
	b, _ := os.ReadFile(path)
	var out []string
	for line := range strings.Lines(string(b)) {
		k, v, _ := strings.Cut(line, ":")
		switch k {
		case "Uid", "VmRSS", "NoNewPrivs", "Seccomp", "CapEff":
			out = append(out, k+"="+strings.Fields(v)[0])
		}
	}
	return strings.Join(out, " ")
}

// sockets are the local addresses of one kind.
func sockets(kind string) []string {
	b, _ := os.ReadFile("/proc/net/" + kind)
	var out []string
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if f := strings.Fields(line); i > 0 && len(f) > 3 {
			out = append(out, f[1]+" state="+f[3])
		}
	}
	return out
}
