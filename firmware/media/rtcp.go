package media

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pion/rtcp"

	"sotto/codec"
	"sotto/codec/jitter"
	"sotto/hal"
)

// From the specifications.
const (
	minInterval = 5 * time.Second // RFC 3550, Section 6.2
	unknown     = 127             // RFC 3611, Section 4.7: "unavailable" for levels and quality
	rxConfig    = 0b11_10_0000    // RFC 3611, Section 4.7.6: enhanced concealment, adaptive buffer
)

// Of this implementation.
const (
	watchEvery = time.Second / 2
	// lossInterval is between reports to our own kind while packets are lost, and before the first one, so that copies
	// follow. RFC 4585, Section 3.4, takes the minimum of 5 s away where both sides want feedback; the twentieth of the
	// bandwidth that RFC 3550, Section 6.2, leaves to reports bears one of 270 octets a second.
	lossInterval = time.Second
)

// reporter makes and reads RTCP (RFC 3550, RFC 3611).
type reporter struct {
	due    time.Time // of the next look
	next   time.Time // of the next report
	begun  time.Time
	random *rand.Rand
	cname  string
	ptime  int

	runs   lossCounts                          // at the last report
	before struct{ expected, received uint32 } // at the last report
	peerSR struct {
		ntp  uint32 // middle 32 bits of the peer's last SR
		at   time.Time
		seen bool
	}
	peerBlock rtcp.ReceptionReport
	fraction  float64 // lost of the peer's packets in the last interval, 0 to 1
	rtt       time.Duration
	peerDelay time.Duration
	playout   jitter.Stats
	adapt     adaptation
	losing    bool // of the peer's last packets some did not come
	fates     [window]bool
	secret    [maxDatagram]byte
}

func (r *reporter) init(c *Config, seed uint64) {
	r.random = rand.New(rand.NewPCG(seed, uint64(c.SSRC)))
	r.cname, r.ptime = c.CNAME, c.Ptime
	if r.cname == "" {
		r.cname = fmt.Sprintf("%016x", seed)
	}
	r.adapt.init(c)
}

func (r *reporter) start(now time.Time) {
	r.begun, r.due = now, now.Add(watchEvery)
	r.next = now.Add(r.interval() / 2) // RFC 3550, Section 6.2: the first may come after half the minimum
}

// interval is randomised over 0.5 to 1.5 (RFC 3550, Section 6.3.1).
func (r *reporter) interval() time.Duration {
	base := minInterval
	if r.adapt.ours && r.losing {
		base = lossInterval
	}
	return time.Duration((0.5 + r.random.Float64()) * float64(base))
}

// tick looks at the state of the call and sends a report when one is due.
func (r *reporter) tick(c *control, now time.Time) {
	if now.Before(r.due) {
		return
	}
	r.due = now.Add(watchEvery)
	for s := c.call.playout.reports.Peek(); s != nil; s = c.call.playout.reports.Peek() {
		r.playout = *s
		c.call.playout.reports.Release()
	}
	r.look(c, now)
	if !now.Before(r.next) && c.keys != nil && c.call.sender.keys.Load() != nil {
		r.send(c, now, false)
		r.next = now.Add(r.interval())
	}
	c.publish()
}

// look learns from the packets that came how the path loses. Until the peer says how its own way to us is, ours is the
// best guess: the worst part of both is often the same.
func (r *reporter) look(c *control, now time.Time) {
	_, lost := c.call.receiver.reception.missed(r.fates[:0])
	losing := slices.Contains(lost, true)
	if losing && !r.losing && r.adapt.ours {
		r.next = now
	}
	if r.losing = losing; losing && !r.adapt.told {
		r.adapt.follow(c.call.sender, lost)
	}
}

// agreed learns, when keys are, whether the peer is of our kind. It wants to hear soon how its packets come.
func (r *reporter) agreed(c *control, now time.Time) {
	if r.adapt.ours = !r.adapt.long && c.call.config.Kin != "" && c.session.PeerClientID() == c.call.config.Kin; r.adapt.ours {
		r.next = now.Add(lossInterval)
	}
}

// bye sends the last report.
func (r *reporter) bye(c *control, now time.Time) {
	if c.keys != nil && c.call.sender.keys.Load() != nil {
		r.send(c, now, true)
	}
	c.publish()
}

// ntp is our clock for reports: the age of the call, which says nothing about the time of day (RFC 3550, Section 4 lets
// a sender without wall clock use elapsed time).
func (r *reporter) ntp(now time.Time) uint64 {
	d := now.Sub(r.begun)
	return uint64(d/time.Second+1)<<32 | uint64(d%time.Second)<<32/uint64(time.Second)
}

func (r *reporter) send(c *control, now time.Time, bye bool) {
	ssrc := c.call.config.SSRC
	blocks := r.blocks(c, now)
	var compound []rtcp.Packet
	if ts, at, ok := c.call.sender.marked(); ok {
		s := c.call.sender
		compound = append(compound, &rtcp.SenderReport{SSRC: ssrc, NTPTime: r.ntp(now),
			RTPTime:     ts + uint32(now.Sub(at)*codec.SampleRate/time.Second),
			PacketCount: s.packets.Load(), OctetCount: s.octets.Load(), Reports: blocks})
	} else {
		compound = append(compound, &rtcp.ReceiverReport{SSRC: ssrc, Reports: blocks})
	}
	compound = append(compound, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc,
		Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: r.cname}}}}})
	if len(blocks) > 0 {
		x := &rtcp.ExtendedReport{SenderSSRC: ssrc, Reports: []rtcp.ReportBlock{r.voice(c)}}
		if r.adapt.ours {
			first, lost := c.call.receiver.reception.missed(r.fates[:0])
			x.Reports = append(x.Reports, rle(c.peerSSRC, first, lost))
		}
		compound = append(compound, x)
	}
	if bye {
		compound = append(compound, &rtcp.Goodbye{Sources: []uint32{ssrc}})
	}
	plain, err := rtcp.Marshal(compound)
	if err != nil {
		return // a report less
	}
	out, err := c.keys.ProtectRTCP(r.secret[:0], plain)
	if err != nil {
		return
	}
	wire := c.call.config.RTCP
	if wire == nil {
		wire = c.call.config.RTP
	}
	_ = wire.WritePacket(out) // lost as on the way
}

// blocks is our view of the peer's stream, empty before it speaks (RFC 3550, Section 6.4.1, Appendix A.3).
func (r *reporter) blocks(c *control, now time.Time) []rtcp.ReceptionReport {
	in := &c.call.receiver.reception
	received := in.received.Load()
	if received == 0 {
		return nil
	}
	expected := in.highest.Load() - in.base.Load() + 1
	de, dr := expected-r.before.expected, received-r.before.received
	r.before.expected, r.before.received = expected, received
	r.fraction = 0
	if de > 0 && dr < de {
		r.fraction = float64(de-dr) / float64(de)
	}
	b := rtcp.ReceptionReport{SSRC: c.peerSSRC, FractionLost: uint8(min(r.fraction*256, 255)),
		TotalLost: min(in.lost(), 1<<23-1), LastSequenceNumber: in.highest.Load(), Jitter: in.jitter.Load() >> 4}
	if r.peerSR.seen {
		b.LastSenderReport = r.peerSR.ntp
		b.Delay = uint32(now.Sub(r.peerSR.at) * 65536 / time.Second)
	}
	return []rtcp.ReceptionReport{b}
}

// voice is the VoIP metrics block (RFC 3611, Section 4.7), as far as we measure.
func (r *reporter) voice(c *control) *rtcp.VoIPMetricsReportBlock {
	p := &r.playout
	ms := func(d time.Duration) uint16 { return uint16(min(d/time.Millisecond, 65535)) }
	discard := 0.0
	if n := p.Played + p.FEC + p.Late; n > 0 {
		discard = float64(p.Late) / float64(n)
	}
	burst, gap, length := r.losses(&c.call.receiver.reception)
	return &rtcp.VoIPMetricsReportBlock{SSRC: c.peerSSRC,
		BurstDensity: uint8(min(burst*256, 255)), GapDensity: uint8(min(gap*256, 255)),
		BurstDuration: uint16(min(length*float64(r.ptime), 65535)), Gmin: gmin,
		LossRate: uint8(min(r.fraction*256, 255)), DiscardRate: uint8(min(discard*256, 255)),
		RoundTripDelay: ms(r.rtt), EndSystemDelay: ms(p.Delay + time.Duration(r.ptime)*time.Millisecond),
		SignalLevel: unknown, NoiseLevel: unknown, RERL: unknown, RFactor: unknown, ExtRFactor: unknown,
		MOSLQ: unknown, MOSCQ: unknown, RXConfig: rxConfig,
		JBNominal: ms(p.Target), JBMaximum: ms(p.Target), JBAbsMax: 1000}
}

// losses describes the losses since the last report: their density within bursts and outside of them, and the mean
// length of a burst in packets.
func (r *reporter) losses(in *reception) (burst, gap, length float64) {
	now := lossCounts{in.runs.bursts.Load(), in.runs.packets.Load(), in.runs.lost.Load(), in.runs.alone.Load(), in.highest.Load()}
	d := now.minus(r.runs)
	r.runs = now
	if d.bursts > 0 {
		burst, length = float64(d.lost)/float64(d.packets), float64(d.packets)/float64(d.bursts)
	}
	if outside := int32(d.highest - d.packets); outside > 0 {
		gap = float64(d.alone) / float64(outside)
	}
	return burst, gap, length
}

// lossCounts is a copy of runs.
type lossCounts struct{ bursts, packets, lost, alone, highest uint32 }

func (a lossCounts) minus(b lossCounts) lossCounts {
	return lossCounts{a.bursts - b.bursts, a.packets - b.packets, a.lost - b.lost, a.alone - b.alone, a.highest - b.highest}
}

// rtcp reads what the peer reports. Only authentic packets count.
func (c *control) rtcp(box *mailbox) {
	for d := box.Peek(); d != nil; d = box.Peek() {
		if c.keys != nil {
			if plain, err := c.keys.UnprotectRTCP(c.reports.secret[:0], d.data[:d.n]); err == nil {
				c.heardRTCP(plain, d.arrival)
			} else {
				c.call.receiver.junk.Add(1)
			}
		}
		box.Release()
	}
}

func (c *control) heardRTCP(plain []byte, now time.Time) {
	packets, err := rtcp.Unmarshal(plain)
	if err != nil {
		return
	}
	r := &c.reports
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			r.peerSR.ntp, r.peerSR.at, r.peerSR.seen = uint32(p.NTPTime>>16), now, true
			r.peerHears(c, p.Reports, now)
		case *rtcp.ReceiverReport:
			r.peerHears(c, p.Reports, now)
		case *rtcp.ExtendedReport:
			for _, b := range p.Reports {
				r.peerDetails(c, b)
			}
		case *rtcp.Goodbye:
			if !c.fallback.used { // a gateway says goodbye for each of its sources
				c.tell(PeerLeft{})
			}
		}
	}
}

// peerHears learns from the peer's view of our stream.
func (r *reporter) peerHears(c *control, blocks []rtcp.ReceptionReport, now time.Time) {
	for _, b := range blocks {
		if b.SSRC != c.call.config.SSRC {
			continue
		}
		r.peerBlock = b
		if b.LastSenderReport != 0 {
			// RFC 3550, Section 6.4.1: round trip = A - LSR - DLSR, in units of 1/65536 s.
			units := uint32(r.ntp(now)>>16) - b.LastSenderReport - b.Delay
			if rtt := time.Duration(units) * time.Second / 65536; rtt < time.Minute {
				r.rtt = rtt
				c.session.SetRTT(rtt)
			}
		}
		r.adapt.report(c.call.sender, float64(b.FractionLost)/256, r.rtt, now)
	}
}

// peerDetails reads one block of an extended report about our stream.
func (r *reporter) peerDetails(c *control, b rtcp.ReportBlock) {
	switch b := b.(type) {
	case *rtcp.VoIPMetricsReportBlock:
		if b.SSRC == c.call.config.SSRC {
			r.peerDelay = time.Duration(b.EndSystemDelay) * time.Millisecond
		}
	case *rtcp.LossRLEReportBlock:
		if lost, ok := unrolled(r.fates[:0], b); ok && b.SSRC == c.call.config.SSRC {
			r.adapt.told = true
			r.adapt.follow(c.call.sender, lost)
		}
	}
}

// publish makes a new Stats.
func (c *control) publish() {
	m, r := c.call, &c.reports
	in := &m.receiver.reception
	s := &Stats{Sent: m.sender.packets.Load(), Received: in.received.Load(), Lost: in.lost(), LossPercent: 100 * r.fraction,
		PeerLoss: 100 * float64(r.peerBlock.FractionLost) / 256,
		Jitter:   time.Duration(in.jitter.Load()>>4) * time.Second / codec.SampleRate, RTT: r.rtt, PeerDelay: r.peerDelay,
		Bitrate: int(m.sender.bitrate.Load()), Copies: r.adapt.plan.Copies, Junk: m.receiver.junk.Load(),
		Overflow: m.receiver.overflow.Load(), Playout: r.playout}
	if x, ok := m.config.PCM.(hal.XrunCounter); ok {
		s.Card = x.Xruns()
	}
	m.stats.Store(s)
}
