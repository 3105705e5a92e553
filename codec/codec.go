// Package codec names what is said: Opus frames of constant size (RFC 6716, RTP payload format RFC 7587).
//
// It promises a hard constant bit rate without discontinuous transmission, so that the length and the rhythm of packets
// never follow the speech (RFC 6562). It never opens a device or a socket, and it never sees a key.
//
// The implementations live below: codec/opus is the only cgo import of the repository's voice path, codec/jitter decides
// what to play when, codec/ring joins two loops without a lock.
package codec

// RFC 7587, Section 4.1: the RTP timestamp of Opus always counts at 48 kHz.
const (
	SampleRate = 48000 // samples a second, of PCM and of the RTP timestamp
	Channels   = 1
)

// Implementation constants.
const (
	DefaultPtime   = 20    // milliseconds of speech in a packet
	MaxPtime       = 60    // milliseconds; the longest packet that we send
	MaxPayload     = 1275  // octets; RFC 6716, Section 3.2.1: one frame is never longer
	DefaultBitrate = 80000 // bit/s where the path is good: what G.711 takes, once more a quarter
	NarrowBitrate  = 32000 // bit/s where octets are dear: long frames, a path that filled
)

// FrameSamples is the number of samples in ptime milliseconds.
func FrameSamples(ptime int) int { return SampleRate / 1000 * ptime }

// Encoder turns frames of PCM into payloads that all have one size between two rate steps.
type Encoder interface {
	// Encode writes one payload for pcm into dst and returns its length. It allocates nothing.
	Encode(dst []byte, pcm []int16) (int, error)
	// SetBitrate makes a rate step, in bit/s.
	SetBitrate(bps int) error
	// SetLoss says how many packets in a hundred the peer loses, so that redundancy fits.
	SetLoss(percent int) error
}

// Decoder turns payloads back into PCM. Each method fills the whole of pcm and allocates nothing.
type Decoder interface {
	Decode(pcm []int16, payload []byte) error
	// DecodeFEC recovers the frame before next from next's in-band redundancy.
	DecodeFEC(pcm []int16, next []byte) error
	// Conceal makes up a frame that never came.
	Conceal(pcm []int16) error
}

// PayloadSamples is the duration of an Opus payload in samples at 48 kHz, read from its first two octets; 0 when no
// decoder would take it (RFC 6716, Section 3.1 and requirement R5 of Section 3.4: at most 120 ms).
func PayloadSamples(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	toc := payload[0]
	var frame int
	switch config := toc >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = [...]int{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	frames := 1
	switch toc & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(payload) < 2 {
			return 0
		}
		frames = int(payload[1] & 0x3f)
	}
	if n := frame * frames; n <= SampleRate/1000*120 {
		return n
	}
	return 0
}

// HasFEC tells whether a payload of mono speech carries redundancy for the frame before it: the LBRR flag, which follows
// the voice activity flags of the SILK frames (RFC 6716, Section 4.2.3). Of packets with more than one Opus frame only
// the first counts, and those of code 2 and 3 are taken to have none.
func HasFEC(payload []byte) bool {
	if len(payload) < 2 || payload[0]>>3 >= 16 || payload[0]&3 > 1 {
		return false
	}
	silkFrames := 1
	if config := payload[0] >> 3; config < 12 {
		silkFrames = [...]int{1, 1, 2, 3}[config&3]
	}
	// The range coder stores symbols of even odds as plain bits, first bit highest (Section 4.1.2).
	return payload[1]&(0x80>>silkFrames) != 0
}
