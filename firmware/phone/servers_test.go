package phone

import (
	"slices"
	"testing"

	"sotto/firmware/call"
	"sotto/net/nat"
)

// TestServersOfTheOwner reads what a person types: ports may be left out, and what is no address is no server.
func TestServersOfTheOwner(t *testing.T) {
	relay := func(server, transport string) call.Setup {
		return call.Setup{Relay: call.Account{Server: server, User: "u", Password: "p@:?", Transport: transport}}
	}
	turn := func(host string, port uint16, transport string) nat.Server {
		return nat.Server{Host: host, Port: port, Relay: true, Transport: transport, User: "u", Password: "p@:?"}
	}
	for _, c := range []struct {
		setup call.Setup
		want  []nat.Server
	}{
		{call.Setup{}, nil},
		{call.Setup{STUN: "10.0.0.9"}, []nat.Server{{Host: "10.0.0.9", Port: 3478, Transport: "udp"}}},
		{call.Setup{STUN: "stun.example.test:19302"}, []nat.Server{{Host: "stun.example.test", Port: 19302, Transport: "udp"}}},
		{call.Setup{STUN: "2001:db8::1"}, []nat.Server{{Host: "2001:db8::1", Port: 3478, Transport: "udp"}}},
		{call.Setup{STUN: "a/b"}, nil},
		{relay("turn.test", "udp"), []nat.Server{turn("turn.test", 3478, "udp")}},
		{relay("turn.test", "tls"), []nat.Server{turn("turn.test", 5349, "tls")}},
		{relay("turn.test:443", "tcp"), []nat.Server{turn("turn.test", 443, "tcp")}},
		{relay("turn.test:0", "tcp"), nil},
	} {
		if got := serversOf(c.setup); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %+v", c.setup, got)
		}
	}
}

// TestARelayOpensItsRoute: STUN alone hides nobody's address.
func TestARelayOpensItsRoute(t *testing.T) {
	for _, c := range []struct {
		servers []nat.Server
		want    bool
	}{{nil, false}, {[]nat.Server{{Host: "s"}}, false}, {[]nat.Server{{Host: "s"}, {Host: "t", Relay: true}}, true}} {
		p := &phone{cfg: Config{Reach: Reach{Servers: c.servers}}}
		if got := slices.Contains(p.able().Routes, "relay"); got != c.want {
			t.Errorf("%v: %v", c.servers, got)
		}
	}
}
