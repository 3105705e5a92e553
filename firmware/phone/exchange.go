package phone

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"sync"

	"sotto/net/onion"
	"sotto/zrtp"
)

// A card is how two telephones in a call tell each other, under its keys, how they can be reached over Tor. It crosses the
// path of the media, where there is nobody but the two: under a key that ZRTP exports (RFC 6189, Section 4.5.2) and that
// no server of the signaling has.
//
//	octet 0     245: none of those that STUN, ZRTP, DTLS, TURN or RTP begin with (RFC 7983, Section 7)
//	octet 1     version, 1
//	octets 2-5  number of the packet, the nonce with the direction before it
//	octets 6-   AES-256-GCM of: flags, onion address (32), public key of the authorisation (32)
const (
	cardMark    = 245
	cardVersion = 1
	cardHeader  = 6
	cardBody    = 1 + len(onion.Address{}) + len(onion.ClientID{})
	cardLength  = cardHeader + cardBody + cardTag
	cardTag     = 16
	cardLabel   = "sotto card 1"
	cardKey     = 32
)

// Flags of a card.
const (
	cardIs  = 1 << iota // it holds an address and a key
	cardGot             // the author has the other's
)

// errCard says that a packet is no card of the peer.
var errCard = errors.New("phone: not a card of the peer")

// businessCard is what a card says. Nothing in it is a secret, but who is told.
type businessCard struct {
	is, got bool
	address onion.Address
	client  onion.ClientID // with which the author calls us
}

// cardBox seals our cards and opens the peer's. The two directions have nonces of their own.
type cardBox struct {
	mu      sync.Mutex
	aead    cipher.AEAD
	ours    uint32 // before our nonces
	theirs  uint32
	sent    uint32
	highest uint32 // number of the peer's last card
}

// newCardBox makes a box of a key that both have; initiator is our role in ZRTP.
func newCardBox(key zrtp.Secret, initiator bool) (*cardBox, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	b := &cardBox{aead: aead, ours: 1, theirs: 2}
	if !initiator {
		b.ours, b.theirs = 2, 1
	}
	return b, nil
}

// nonce is direction and number in twelve octets.
func nonce(direction, number uint32) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint32(n[4:], direction)
	binary.BigEndian.PutUint32(n[8:], number)
	return n
}

// seal makes a packet.
func (b *cardBox) seal(c businessCard) []byte {
	body := make([]byte, 1, cardBody)
	if c.is {
		body[0] |= cardIs
	}
	if c.got {
		body[0] |= cardGot
	}
	body = append(append(body, c.address[:]...), c.client[:]...)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
	head := binary.BigEndian.AppendUint32([]byte{cardMark, cardVersion}, b.sent)
	return b.aead.Seal(head, nonce(b.ours, b.sent), body, head)
}

// open reads a packet of the peer; each number is taken once, and none that is older than one that came. The error is
// errCard and says nothing.
func (b *cardBox) open(packet []byte) (c businessCard, err error) {
	if len(packet) != cardLength || packet[0] != cardMark || packet[1] != cardVersion {
		return c, errCard
	}
	number := binary.BigEndian.Uint32(packet[2:])
	b.mu.Lock()
	defer b.mu.Unlock()
	if number <= b.highest {
		return c, errCard
	}
	body, err := b.aead.Open(nil, nonce(b.theirs, number), packet[cardHeader:], packet[:cardHeader])
	if err != nil || body[0]&^(cardIs|cardGot) != 0 {
		return c, errCard
	}
	b.highest = number
	c.is, c.got = body[0]&cardIs != 0, body[0]&cardGot != 0
	copy(c.address[:], body[1:])
	copy(c.client[:], body[1+len(c.address):])
	return c, nil
}
