package vault

import "golang.org/x/sys/unix"

// memory is a few bytes that are never swapped, never in a core dump and never in a child process. free wipes them. Where
// the kernel refuses to lock pages, they are ordinary memory that is wiped all the same.
type memory struct {
	bytes  []byte
	mapped []byte
}

func newMemory(n int) *memory {
	page, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil || n > len(page) {
		return &memory{bytes: make([]byte, n)}
	}
	// Each of these may be refused (limits of locked memory); what the others give is still worth having.
	_ = unix.Mlock(page)
	_ = unix.Madvise(page, unix.MADV_DONTDUMP)
	_ = unix.Madvise(page, unix.MADV_WIPEONFORK)
	return &memory{bytes: page[:n:n], mapped: page}
}

// free wipes and gives back. It may be called twice, and on nil.
func (m *memory) free() {
	if m == nil || m.bytes == nil {
		return
	}
	clear(m.bytes)
	if m.mapped != nil {
		_ = unix.Munmap(m.mapped)
	}
	m.bytes, m.mapped = nil, nil
}

// String and its like hide the bytes.
func (m *memory) String() string   { return "[secret]" }
func (m *memory) GoString() string { return "[secret]" }
