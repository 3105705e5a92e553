package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"

	"sotto/firmware/phone"
	"sotto/hal"
)

// live is a sound card outside of the simulator: who connects to the socket of --sound speaks instead of the recording and
// hears what the loudspeaker plays, both as 48 kHz mono s16le. The newest connection counts. The clock stays the
// simulator's: who is late is heard as silence, who is early waits at most liveMost.
type live struct {
	mu     sync.Mutex
	conn   net.Conn // nil without anybody
	mic    []int16  // came and is not heard yet
	primed bool     // enough came to begin
	out    chan []byte
}

// How much a live microphone may be ahead, in samples.
const (
	livePrime = hal.SampleRate * 60 / 1000
	liveMost  = hal.SampleRate * 240 / 1000
)

// listenLive opens the socket.
func listenLive(path string) (*live, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--sound: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("--sound: %w", err)
	}
	v := &live{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			v.join(conn)
		}
	}()
	return v, nil
}

// join lets a new connection take the place of the one before.
func (v *live) join(conn net.Conn) {
	out := make(chan []byte, 16)
	v.mu.Lock()
	if v.conn != nil {
		v.conn.Close()
	}
	v.conn, v.out, v.mic, v.primed = conn, out, nil, false
	v.mu.Unlock()
	go func() {
		for b := range out {
			if _, err := conn.Write(b); err != nil {
				conn.Close()
			}
		}
	}()
	go v.read(conn, out)
}

// read takes what a connection says until it ends.
func (v *live) read(conn net.Conn, out chan []byte) {
	var b [960]byte
	for {
		_, err := io.ReadFull(conn, b[:])
		v.mu.Lock()
		if err != nil || v.conn != conn {
			if v.conn == conn {
				v.conn, v.out = nil, nil
			}
			close(out)
			v.mu.Unlock()
			conn.Close()
			return
		}
		for i := 0; i < len(b); i += 2 {
			v.mic = append(v.mic, int16(binary.LittleEndian.Uint16(b[i:])))
		}
		if n := len(v.mic) - liveMost; n > 0 {
			v.mic = append(v.mic[:0], v.mic[n:]...)
		}
		v.mu.Unlock()
	}
}

// hear replaces the recording by what the connection says, if there is one.
func (v *live) hear(dst []int16) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn == nil {
		return
	}
	clear(dst)
	v.primed = len(v.mic) >= len(dst) && (v.primed || len(v.mic) >= livePrime)
	if v.primed {
		n := copy(dst, v.mic)
		v.mic = append(v.mic[:0], v.mic[n:]...)
	}
}

// play sends what the loudspeaker plays; who does not read misses it.
func (v *live) play(src []int16) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn == nil {
		return
	}
	b := make([]byte, 0, 2*len(src))
	for _, s := range src {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	select {
	case v.out <- b:
	default:
	}
}

// livePCM is the simulator's sound card with the live one in front of it.
type livePCM struct {
	hal.PCM
	live *live
}

// wrap puts the live card in front of every card that is opened.
func (v *live) wrap(d *phone.Devices) {
	open := d.OpenPCM
	d.OpenPCM = func() (hal.PCM, error) {
		card, err := open()
		if err != nil {
			return nil, err
		}
		return livePCM{card, v}, nil
	}
}

// Xruns implements hal.XrunCounter as far as the card behind does.
func (p livePCM) Xruns() hal.Xruns {
	if c, ok := p.PCM.(hal.XrunCounter); ok {
		return c.Xruns()
	}
	return hal.Xruns{}
}

// ReadFrame implements hal.PCM.
func (p livePCM) ReadFrame(dst []int16) error {
	err := p.PCM.ReadFrame(dst)
	if err == nil {
		p.live.hear(dst)
	}
	return err
}

// WriteFrame implements hal.PCM.
func (p livePCM) WriteFrame(src []int16) error {
	p.live.play(src)
	return p.PCM.WriteFrame(src)
}
