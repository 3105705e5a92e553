package zrtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// The attackers of these tests are real sessions whose messages are changed on the way out, with every MAC that the
// attacker could make being right. A is the initiator, unless contention is the subject.

const (
	sideA = 0
	sideB = 1
)

// edit lets f change the messages of type name that a side sends; nil drops one. A leads.
func edit(side int, name string, f func(m []byte) []byte) func(int, []byte) [][]byte {
	return func(from int, p []byte) [][]byte {
		if leader(from, p) == nil {
			return nil
		}
		if from == side && zrtptest.MessageType(p) == name {
			if p = repack(p, f); p == nil {
				return nil
			}
		}
		return [][]byte{p}
	}
}

// repack changes the message of a packet and computes the CRC again.
func repack(p []byte, f func(m []byte) []byte) []byte {
	m := f(slices.Clone(p[zrtp.HeaderSize : len(p)-zrtp.CRCSize]))
	if m == nil {
		return nil
	}
	return packet(m, binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[8:]))
}

func packet(m []byte, seq uint16, ssrc uint32) []byte {
	out := make([]byte, len(m)+zrtp.HeaderSize+zrtp.CRCSize)
	zrtp.CreatePacket(out, m, seq, ssrc)
	return out
}

// x255 and dh3k keep the hostile cases fast and apart.
var (
	x255 = only(zrtp.KeyAgreementX255, zrtp.HashS256, zrtp.CipherAES1)
	dh3k = only(zrtp.KeyAgreementDH3k, zrtp.HashS256, zrtp.CipherAES1)
	ec25 = only(zrtp.KeyAgreementEC25, zrtp.HashS256, zrtp.CipherAES1)
	ec38 = only(zrtp.KeyAgreementEC38, zrtp.HashS384, zrtp.CipherAES3)
	xm76 = only(zrtp.KeyAgreementXM76, zrtp.HashS384, zrtp.CipherAES3)
)

func alerts(e *zrtptest.End) (out []zrtp.AlertReason) {
	for _, ev := range e.Events {
		if a, ok := ev.(zrtp.Alert); ok {
			out = append(out, a.Reason)
		}
	}
	return out
}

// refused asserts that victim ended with code, raised the alert (0: none), showed no SAS, gave no keys and told the peer
// by an Error message, and that nobody's cache changed.
func refused(t testing.TB, p *zrtptest.Pair, victim *zrtptest.End, code zrtp.ErrorCode, alert zrtp.AlertReason) {
	t.Helper()
	p.Run(30*time.Second, nil)
	if victim.Failed == nil || victim.Failed.Remote || victim.Failed.Code != code {
		t.Fatalf("failed with %v, want 0x%x; errors %v, state %v", victim.Failed, uint32(code), victim.Errors, victim.Session.State())
	}
	want := []zrtp.AlertReason{alert}
	if alert == 0 {
		want = nil
	}
	if got := alerts(victim); !slices.Equal(got, want) {
		t.Errorf("alerts %v, want %v", got, want)
	}
	if victim.SAS != nil || victim.Secure != nil {
		t.Error("SAS shown or secure")
	}
	told := slices.ContainsFunc(victim.Sent, func(q []byte) bool {
		return zrtptest.MessageType(q) == "Error" && binary.BigEndian.Uint32(q[24:]) == uint32(code)
	})
	if !told {
		t.Error("no Error message")
	}
	if p.A.Secure != nil || p.B.Secure != nil {
		t.Error("a side is secure")
	}
}

// unmoved asserts that the victim did not use the message: no keys, no SAS, no Error of its own but a timeout.
func unmoved(t testing.TB, p *zrtptest.Pair, victim *zrtptest.End, because error) {
	t.Helper()
	p.Run(30*time.Second, nil)
	if victim.Keys != nil || victim.SAS != nil || victim.Secure != nil {
		t.Error("keys, SAS or secure")
	}
	if victim.Failed != nil && victim.Failed.Code != zrtp.CodeTimeout && !victim.Failed.Remote {
		t.Errorf("failed with %v", victim.Failed)
	}
	if because != nil && !slices.ContainsFunc(victim.Errors, func(err error) bool { return errors.Is(err, because) }) {
		t.Errorf("errors %v, want %v", victim.Errors, because)
	}
}

func fill(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }
