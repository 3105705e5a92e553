package zrtptest

import (
	"time"

	"sotto/zrtp"
)

// MiTM is a man in the middle with a session of his own on either leg: what he can do without breaking cryptography. The
// victims are his legs' far ends.
type MiTM struct {
	Left, Right *Pair // Left.A and Right.B are the victims; Left.B and Right.A are his
}

// NewMiTM stands between a and b with the configurations toA and toB.
func NewMiTM(a, toA, toB, b *zrtp.Config) (*MiTM, error) {
	left, err := NewPair(a, toA)
	if err != nil {
		return nil, err
	}
	right, err := NewPair(toB, b)
	if err != nil {
		return nil, err
	}
	return &MiTM{left, right}, nil
}

// Run attacks until both legs are settled, and tells whether both are secure.
func (m *MiTM) Run(limit time.Duration) bool {
	m.Left.Start().Run(limit, m.Left.Settled)
	m.Right.Start().Run(limit, m.Right.Settled)
	return m.Left.Secure() && m.Right.Secure()
}
