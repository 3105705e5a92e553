package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another process has the folder open.
var ErrInUse = errors.New("vault: the folder is in use by another process")

// Disk is what a Pair needs of a folder. Names have no path.
type Disk interface {
	// ReadFile fails with fs.ErrNotExist when there is none.
	ReadFile(name string) ([]byte, error)
	// WriteFile makes or replaces a file and returns when its content is on the medium.
	WriteFile(name string, data []byte) error
	// Rename replaces to by from at once: there is no moment without one of the two.
	Rename(from, to string) error
	// Sync returns when all renames are on the medium.
	Sync() error
}

// Folder is a Disk in a real folder, for one process at a time.
type Folder struct {
	path string
	dir  *os.File // holds the lock, and is what Sync syncs
}

// OpenFolder makes the folder if need be, with mode 0700, and locks it.
func OpenFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return nil, fmt.Errorf("%w: %s", ErrInUse, path)
	}
	return &Folder{path, dir}, nil
}

// Close gives the folder free for another process.
func (f *Folder) Close() error { return f.dir.Close() }

// ReadFile reads a whole file.
func (f *Folder) ReadFile(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(f.path, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("vault: %w", err)
	}
	return b, err
}

// WriteFile writes with mode 0600 and waits for the medium.
func (f *Folder) WriteFile(name string, data []byte) error {
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}

// Rename replaces to by from.
func (f *Folder) Rename(from, to string) error {
	if err := os.Rename(filepath.Join(f.path, from), filepath.Join(f.path, to)); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}

// Sync waits until the folder itself is on the medium.
func (f *Folder) Sync() error {
	if err := f.dir.Sync(); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}
