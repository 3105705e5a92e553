package signaling

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// From the specifications.
const (
	minDynamicType = 96  // RFC 3551, Section 3: dynamic payload types
	maxDynamicType = 127 // RFC 3551, Section 3
	defaultPtime   = 20  // RFC 7587, Section 6.1
	minUfrag       = 4   // RFC 8839, Section 5.4
	minPwd         = 22  // RFC 8839, Section 5.4
	maxICEAttr     = 256 // RFC 8839, Section 5.4
)

// Of this implementation: what a peer may write at most.
const (
	maxDescription = 8 << 10 // bytes
	maxLines       = 256
	maxMedia       = 8
	maxFormats     = 32
	maxHashes      = 4
	maxCandidates  = 32
	minBitrate     = 6000 // bit/s, and maxBitrate: RFC 7587, Section 6.1
	maxBitrate     = 510000
	minPtime       = 10  // milliseconds
	maxPtime       = 120 // milliseconds
	maxMirror      = 64  // bytes of one field of an m= line that an answer repeats
)

// Parse reads a session description (RFC 8866) that a peer wrote, offer or answer.
//
// An offer with several media lines is accepted if one of them is audio over RTP/AVP or RTP/AVPF with Opus.
func Parse(body []byte) (Description, error) {
	d, _, err := parse(body, false)
	return d, err
}

// ParseServer is Parse for an account that may reach gateways, over a connection whose server has proved who it is: it also reads
// the keys that a server knows (nil: there are none that can be used), and takes a media line over RTP/SAVP or RTP/SAVPF that
// has such keys, if there is none that Parse takes.
func ParseServer(body []byte) (Description, *Crypto, error) { return parse(body, true) }

func parse(body []byte, server bool) (Description, *Crypto, error) {
	d, m, err := read(body, server)
	if err != nil || !server {
		return d, nil, err
	}
	keys, err := readCrypto(m)
	if err == nil && keys == nil && d.SAVP() {
		err = ErrProfile
	}
	if err != nil {
		keys.Wipe()
		return Description{}, nil, err
	}
	return d, keys, nil
}

// read reads a description, with keys or without; m is the media line that carries the call.
func read(body []byte, server bool) (_ Description, m *sdp.MediaDescription, err error) {
	if len(body) > maxDescription || bytes.Count(body, []byte{'\n'}) > maxLines {
		return Description{}, nil, ErrTooLarge
	}
	if bytes.IndexByte(body, 0) >= 0 {
		return Description{}, nil, ErrSyntax
	}
	var s sdp.SessionDescription
	if err := s.Unmarshal(body); err != nil {
		return Description{}, nil, ErrSyntax // pion's error quotes the peer
	}
	if len(s.MediaDescriptions) > maxMedia {
		return Description{}, nil, ErrTooLarge
	}
	d := Description{Session: s.Origin.SessionID, Version: s.Origin.SessionVersion}
	index, err := d.choose(&s, plainProfiles)
	if server && errors.Is(err, ErrProfile) {
		d.layout = nil
		index, err = d.choose(&s, keyedProfiles)
	}
	if err != nil {
		return Description{}, nil, err
	}
	m = s.MediaDescriptions[index]
	d.layout[index].taken = true
	if err := d.readAddress(&s, m); err != nil {
		return Description{}, nil, err
	}
	if err := d.readHashes(&s, m); err != nil {
		return Description{}, nil, err
	}
	if err := d.readICE(&s, m); err != nil {
		return Description{}, nil, err
	}
	if v, ok := m.Attribute(tokenKey); ok {
		if d.Token, err = parseToken(v); err != nil {
			return Description{}, nil, err
		}
	}
	d.readDirection(&s, m)
	d.readPtime(m)
	return d, m, nil
}

// The profiles that ZRTP can protect, and those that come with keys of their own (RFC 4568, Section 4).
var (
	plainProfiles = []string{"RTP/AVP", "RTP/AVPF"}
	keyedProfiles = []string{savp, "RTP/SAVPF"}
)

const savp = "RTP/SAVP"

// choose finds the media line that carries the call, and remembers all of them.
func (d *Description) choose(s *sdp.SessionDescription, profiles []string) (int, error) {
	chosen, err := -1, error(ErrNoAudio)
	for i, m := range s.MediaDescriptions {
		n := &m.MediaName
		proto := strings.Join(n.Protos, "/")
		if len(n.Formats) == 0 || len(n.Formats) > maxFormats {
			return 0, ErrSyntax
		}
		line := mediaLine{media: n.Media, proto: proto, format: n.Formats[0]}
		if !plain(line.media) || !plain(line.proto) || !plain(line.format) {
			return 0, ErrSyntax
		}
		d.layout = append(d.layout, line)
		if chosen >= 0 || n.Media != "audio" || n.Port.Value == 0 {
			continue
		}
		// RFC 6189, Section 8: ZRTP is discovered in the media stream and is offered as plain RTP/AVP. A profile
		// with its own keying would leave us with keys that the server knows.
		if !slices.Contains(profiles, proto) {
			err = ErrProfile
			continue
		}
		if !d.readFormats(m) {
			err = ErrNoOpus
			continue
		}
		chosen = i
	}
	if chosen < 0 {
		return 0, err
	}
	return chosen, nil
}

// plain reports whether an answer may repeat a field.
func plain(s string) bool {
	if s == "" || len(s) > maxMirror {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// readFormats looks for Opus and telephone-event among the formats of a media line.
func (d *Description) readFormats(m *sdp.MediaDescription) bool {
	d.PayloadType, d.DTMF, d.FEC, d.CBR = 0, 0, false, false
	for _, f := range m.MediaName.Formats {
		n, err := strconv.ParseUint(f, 10, 8)
		if err != nil || n < minDynamicType || n > maxDynamicType {
			continue
		}
		switch strings.ToLower(attributeOf(m, "rtpmap", f)) {
		case "opus/48000/2": // RFC 7587, Section 7: "the number of channels MUST be 2", whatever is sent
			if d.PayloadType == 0 {
				d.PayloadType = uint8(n)
				d.readParameters(attributeOf(m, "fmtp", f))
			}
		case "telephone-event/48000":
			if d.DTMF == 0 {
				d.DTMF = uint8(n)
			}
		}
	}
	return d.PayloadType != 0
}

// attributeOf is the value of an attribute that begins with a format, without the format.
func attributeOf(m *sdp.MediaDescription, key, format string) string {
	for _, a := range m.Attributes {
		if a.Key != key {
			continue
		}
		if f, v, ok := strings.Cut(a.Value, " "); ok && f == format {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// readParameters reads the Opus parameters of RFC 7587, Section 6.1.
func (d *Description) readParameters(fmtp string) {
	for p := range strings.SplitSeq(fmtp, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(k) {
		case "useinbandfec":
			d.FEC = v == "1"
		case "cbr":
			d.CBR = v == "1"
		case "maxaveragebitrate":
			if n, err := strconv.Atoi(v); err == nil && n >= minBitrate && n <= maxBitrate {
				d.Bitrate = n
			}
		}
	}
}

// readAddress finds where RTP and RTCP go. Host names are refused: to look one up would tell a name server of the call.
func (d *Description) readAddress(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	c := m.ConnectionInformation
	if c == nil {
		c = s.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return ErrAddress
	}
	addr, err := netip.ParseAddr(c.Address.Address)
	if err != nil || c.NetworkType != "IN" || addr.Zone() != "" {
		return ErrAddress
	}
	addr = addr.Unmap()
	if addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return ErrAddress
	}
	port := m.MediaName.Port.Value
	if port < 1 || port > 65534 || m.MediaName.Port.Range != nil {
		return ErrAddress
	}
	d.RTP = netip.AddrPortFrom(addr, uint16(port))
	_, d.Mux = m.Attribute("rtcp-mux")
	// RFC 3605: without a=rtcp, RTCP goes to the next port.
	d.RTCP = netip.AddrPortFrom(addr, uint16(port)+1)
	if v, ok := m.Attribute("rtcp"); ok {
		first, _, _ := strings.Cut(v, " ")
		p, err := strconv.ParseUint(first, 10, 16)
		if err != nil || p == 0 {
			return ErrAddress
		}
		// The port is taken, another address is not: RTCP goes where RTP goes.
		d.RTCP = netip.AddrPortFrom(addr, uint16(p))
	}
	if d.Mux {
		d.RTCP = d.RTP
	}
	return nil
}

// readHashes reads a=zrtp-hash at both levels. RFC 6189, Section 8.1: it may stand at the session or the media level;
// "there may be multiple" for several versions.
func (d *Description) readHashes(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	for _, list := range [][]sdp.Attribute{m.Attributes, s.Attributes} {
		for _, a := range list {
			if a.Key != "zrtp-hash" {
				continue
			}
			h, err := parseHash(a.Value)
			if err != nil || len(d.Hashes) == maxHashes {
				return ErrHash
			}
			d.Hashes = append(d.Hashes, h)
		}
		if len(d.Hashes) > 0 {
			return nil
		}
	}
	return nil
}

// readICE reads the attributes of RFC 8839. ICE without credentials is no ICE.
func (d *Description) readICE(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	get := func(key string) string {
		if v, ok := m.Attribute(key); ok {
			return v
		}
		v, _ := s.Attribute(key)
		return v
	}
	ice := &ICE{Ufrag: get("ice-ufrag"), Pwd: get("ice-pwd")}
	if ice.Ufrag == "" && ice.Pwd == "" {
		return nil
	}
	if !iceChars(ice.Ufrag, minUfrag) || !iceChars(ice.Pwd, minPwd) {
		return ErrICE
	}
	_, ice.Lite = s.Attribute("ice-lite")
	for _, a := range m.Attributes {
		if a.Key != "candidate" {
			continue
		}
		if len(ice.Candidates) == maxCandidates || len(a.Value) > maxICEAttr || !text(a.Value) {
			return ErrICE
		}
		ice.Candidates = append(ice.Candidates, a.Value)
	}
	d.ICE = ice
	return nil
}

// iceChars checks RFC 8839, Section 5.4: ice-char = ALPHA / DIGIT / "+" / "/".
func iceChars(s string, least int) bool {
	if len(s) < least || len(s) > maxICEAttr {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

func text(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// readDirection reads the direction; an unspecified address is the hold of RFC 2543.
func (d *Description) readDirection(s *sdp.SessionDescription, m *sdp.MediaDescription) {
	for _, list := range [][]sdp.Attribute{s.Attributes, m.Attributes} { // the media level counts more
		for _, a := range list {
			for i, name := range directionNames {
				if a.Key == name {
					d.Direction = Direction(i)
				}
			}
		}
	}
	if d.RTP.Addr().IsUnspecified() {
		d.Direction = narrow(d.Direction, SendOnly)
	}
}

func (d *Description) readPtime(m *sdp.MediaDescription) {
	d.Ptime = defaultPtime
	v, _ := m.Attribute("ptime")
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n > 0 {
		d.Ptime = min(max(n, minPtime), maxPtime)
	}
	v, _ = m.Attribute("maxptime")
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n > 0 {
		d.MaxPtime = max(n, minPtime)
		d.Ptime = min(d.Ptime, d.MaxPtime)
	}
}
