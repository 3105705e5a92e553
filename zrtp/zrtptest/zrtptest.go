// Package zrtptest joins two ZRTP sessions by a wire made of memory and virtual time: it delays, loses, doubles, reorders
// and corrupts packets by a seed or by a script, and it never sleeps. It also has the fake of zrtp.SecretCache. It
// cannot fail a test by itself: it returns what happened.
package zrtptest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"time"

	"sotto/zrtp"
)

// Epoch is where virtual time begins.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Cache is a zrtp.SecretCache in memory.
type Cache map[zrtp.ZID]zrtp.RetainedSecrets

// Lookup implements zrtp.SecretCache.
func (c Cache) Lookup(z zrtp.ZID) (zrtp.RetainedSecrets, bool) {
	r, ok := c[z]
	return clone(r), ok
}

// Store implements zrtp.SecretCache.
func (c Cache) Store(z zrtp.ZID, r zrtp.RetainedSecrets) error {
	c[z] = clone(r)
	return nil
}

// Clone is an independent copy: a backup of somebody's cache.
func (c Cache) Clone() Cache {
	out := Cache{}
	for z, r := range c {
		out[z] = clone(r)
	}
	return out
}

func clone(r zrtp.RetainedSecrets) zrtp.RetainedSecrets {
	r.RS1 = append(zrtp.Secret(nil), r.RS1...)
	r.RS2 = append(zrtp.Secret(nil), r.RS2...)
	r.PBX = append(zrtp.Secret(nil), r.PBX...)
	return r
}

// Seed is a reproducible source for Config.Rand.
func Seed(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// Config is a usable configuration: ZID, SSRC and Rand follow from n, which must differ between the ends of a pair.
func Config(n byte, seed uint64) *zrtp.Config {
	return &zrtp.Config{
		ZID: zrtp.ZID{'Z', 'I', 'D', n}, SSRC: 0x1000 + uint32(n), ClientID: "sotto test",
		Rand: Seed(seed<<8 | uint64(n)), Cache: Cache{},
	}
}

// MessageType is the type block of a packet without padding, such as "DHPart1"; empty for what is too short.
func MessageType(packet []byte) string {
	if len(packet) < 24 {
		return ""
	}
	n := 24
	for packet[n-1] == ' ' && n > 16 {
		n--
	}
	return string(packet[16:n])
}
