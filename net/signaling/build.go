package signaling

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"sotto/net/onion/bundle"
)

// Marshal writes the description as RFC 8866 has it, an offer of one line or, after AnswerTo, an answer.
// Errors: ErrAddress without a port, ErrNoOpus without a payload type.
func (d Description) Marshal() ([]byte, error) { return d.marshal(nil, "") }

// MarshalServer is Marshal with keys that a server then knows; strict makes an offer of RTP/SAVP, which is answered with such
// keys or not at all. What it returns is as secret as the keys.
func (d Description) MarshalServer(keys *Crypto, strict bool) ([]byte, error) {
	proto := ""
	if strict {
		proto = savp
	}
	return d.marshal(keys, proto)
}

// marshal writes a description; proto is that of an offer, empty for RTP/AVP.
func (d Description) marshal(keys *Crypto, proto string) ([]byte, error) {
	if !d.RTP.IsValid() || d.RTP.Port() == 0 {
		return nil, ErrAddress
	}
	if !dynamic(d.PayloadType) || d.DTMF != 0 && !dynamic(d.DTMF) {
		return nil, ErrNoOpus
	}
	family := "IP4"
	if d.RTP.Addr().Is6() {
		family = "IP6"
	}
	address := d.RTP.Addr().String()
	s := sdp.SessionDescription{
		// RFC 8866, Section 5.2: "-" where the host has no concept of user names; nobody needs ours.
		Origin: sdp.Origin{Username: "-", SessionID: d.Session, SessionVersion: d.Version,
			NetworkType: "IN", AddressType: family, UnicastAddress: address},
		SessionName: "-",
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: family,
			Address: &sdp.Address{Address: address}},
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
	layout := d.layout
	if len(layout) == 0 {
		layout = []mediaLine{{taken: true, proto: proto}}
	}
	for _, line := range layout {
		if line.taken {
			s.MediaDescriptions = append(s.MediaDescriptions, d.audio(line.proto, keys))
			continue
		}
		// RFC 3264, Section 6: "To reject an offered stream, the port number in the corresponding stream in the
		// answer MUST be set to zero."
		s.MediaDescriptions = append(s.MediaDescriptions, &sdp.MediaDescription{MediaName: sdp.MediaName{
			Media: line.media, Protos: strings.Split(line.proto, "/"), Formats: []string{line.format}}})
	}
	b, err := s.Marshal()
	if err != nil {
		return nil, fmt.Errorf("signaling: %w", err)
	}
	return b, nil
}

// audio is the media description of the call.
func (d Description) audio(proto string, keys *Crypto) *sdp.MediaDescription {
	if proto == "" {
		proto = "RTP/AVP"
	}
	opus := strconv.Itoa(int(d.PayloadType))
	m := &sdp.MediaDescription{MediaName: sdp.MediaName{Media: "audio",
		Port: sdp.RangedPort{Value: int(d.RTP.Port())}, Protos: strings.Split(proto, "/"), Formats: []string{opus}}}
	add := func(key, value string) { m.Attributes = append(m.Attributes, sdp.NewAttribute(key, value)) }
	add("rtpmap", opus+" opus/48000/2")
	// RFC 6562, Section 3: variable bit rate leaks what is said; cbr=1 asks the peer not to use it.
	add("fmtp", opus+" cbr=1;useinbandfec=1")
	if d.DTMF != 0 {
		dtmf := strconv.Itoa(int(d.DTMF))
		m.MediaName.Formats = append(m.MediaName.Formats, dtmf)
		add("rtpmap", dtmf+" telephone-event/48000")
		add("fmtp", dtmf+" 0-15")
	}
	if d.Ptime != 0 {
		add("ptime", strconv.Itoa(d.Ptime))
	}
	for _, h := range d.Hashes {
		add("zrtp-hash", h.String())
	}
	for _, line := range keys.attributes() {
		add("crypto", line)
	}
	if d.Token != (bundle.Token{}) {
		add(tokenKey, hex.EncodeToString(d.Token[:]))
	}
	if d.Mux {
		add("rtcp-mux", "")
	} else if d.RTCP.IsValid() && d.RTCP.Port() != d.RTP.Port()+1 {
		add("rtcp", strconv.Itoa(int(d.RTCP.Port())))
	}
	if d.ICE != nil {
		add("ice-ufrag", d.ICE.Ufrag)
		add("ice-pwd", d.ICE.Pwd)
		for _, c := range d.ICE.Candidates {
			add("candidate", c)
		}
	}
	add(d.Direction.String(), "")
	return m
}

func dynamic(payloadType uint8) bool {
	return payloadType >= minDynamicType && payloadType <= maxDynamicType
}
