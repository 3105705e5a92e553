package onion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// Of the few octets between a telephone that may not start programs and the process that starts Tor for it.
const (
	maxTorrc    = 64 << 10
	brokerLimit = 10 * time.Second
)

// Broker starts Tor for another process: on a device the telephone is in a cell where nothing can be started, and PID 1
// runs this. Each connection to l brings a configuration, gets the control connection, and lives as long as that Tor: its
// end kills Tor. There is one at a time; the next waits. It returns when l is closed. The other side is Brokered.
//
// The configuration is the telephone's, and it is not judged here: it can do what launch lets the child do.
func Broker(l *net.UnixListener, launch func(torrc string, log io.Writer) (*Child, error), log io.Writer) error {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("onion: %w", err)
		}
		if err := serve(c, launch, log); err != nil {
			fmt.Fprintln(log, err)
		}
		c.Close()
	}
}

// serve is the life of one Tor.
func serve(c *net.UnixConn, launch func(string, io.Writer) (*Child, error), log io.Writer) error {
	c.SetDeadline(time.Now().Add(brokerLimit))
	var n [4]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		return fmt.Errorf("onion: broker: %w", err)
	}
	if binary.BigEndian.Uint32(n[:]) > maxTorrc {
		return fmt.Errorf("%w: %d octets", ErrConfig, binary.BigEndian.Uint32(n[:]))
	}
	torrc := make([]byte, binary.BigEndian.Uint32(n[:]))
	if _, err := io.ReadFull(c, torrc); err != nil {
		return fmt.Errorf("onion: broker: %w", err)
	}
	child, err := launch(string(torrc), log)
	if err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() { child.Wait(); close(gone) }()
	err = give(c, child)
	// The telephone's end is the only one now: Tor ends with it.
	child.Control.Close()
	if err == nil {
		c.SetDeadline(time.Time{})
		hung := make(chan struct{})
		go func() { io.Copy(io.Discard, c); close(hung) }()
		select {
		case <-gone:
			return nil
		case <-hung:
		}
	}
	child.Interrupt()
	<-gone
	return err
}

// give sends the control connection over c.
func give(c *net.UnixConn, child *Child) error {
	control, ok := child.Control.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%w: the control connection is no socket", ErrConfig)
	}
	file, err := control.File()
	if err != nil {
		return fmt.Errorf("onion: broker: %w", err)
	}
	defer file.Close()
	if _, _, err := c.WriteMsgUnix([]byte{1}, syscall.UnixRights(int(file.Fd())), nil); err != nil {
		return fmt.Errorf("onion: broker: %w", err)
	}
	return nil
}

// Brokered is for Config.Launch: it lets the Broker that listens at path start Tor.
func Brokered(path string) func(torrc string, log io.Writer) (*Child, error) {
	return func(torrc string, _ io.Writer) (*Child, error) {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return nil, fmt.Errorf("onion: broker: %w", err)
		}
		control, err := ask(c, torrc)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("onion: broker: %w", err)
		}
		return &Child{Control: control, Interrupt: c.Close, Wait: func() error {
			io.Copy(io.Discard, c)
			return c.Close()
		}}, nil
	}
}

// ask sends the configuration and takes the control connection.
func ask(c *net.UnixConn, torrc string) (net.Conn, error) {
	c.SetDeadline(time.Now().Add(brokerLimit))
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(torrc))), torrc...)); err != nil {
		return nil, err
	}
	var b [1]byte
	rights := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := c.ReadMsgUnix(b[:], rights)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, io.ErrUnexpectedEOF
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, io.ErrUnexpectedEOF
	}
	c.SetDeadline(time.Time{})
	return connOf(fds[0])
}
