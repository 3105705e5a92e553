package nat

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const dialTimeout = 5 * time.Second

// dialer makes the connections to TURN servers by TCP and TLS; pion's own knows no other authorities than the system's.
type dialer struct {
	servers []Server
	roots   *x509.CertPool
}

// Dial implements proxy.Dialer.
func (d dialer) Dial(network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	var plain net.Dialer
	conn, err := plain.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	for _, s := range d.servers {
		if s.Transport != "tls" || net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) != addr {
			continue
		}
		secure := tls.Client(conn, &tls.Config{ServerName: s.Host, RootCAs: d.roots, MinVersion: tls.VersionTLS12, CipherSuites: forwardSecret})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secure, nil
	}
	return conn, nil
}

// forwardSecret are the cipher suites of TLS 1.2 that are as good as those of 1.3. The relay that most people have (coturn 4.6) speaks
// nothing newer; what it carries has keys of its own.
var forwardSecret = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}

// ParseSTUN reads host:port.
func ParseSTUN(s string) (Server, error) {
	host, port, err := hostPort(strings.TrimPrefix(s, "stun:"))
	if err != nil {
		return Server{}, ErrServer
	}
	return Server{Host: host, Port: port, Transport: "udp"}, nil
}

// ParseTURN reads turn:user:password@host:port[?transport=udp|tcp|tls]; turns: means tls.
func ParseTURN(s string) (Server, error) {
	scheme, rest, _ := strings.Cut(s, ":")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 || scheme != "turn" && scheme != "turns" {
		return Server{}, ErrServer
	}
	user, password, ok := strings.Cut(rest[:at], ":")
	address, query, _ := strings.Cut(rest[at+1:], "?")
	host, port, err := hostPort(address)
	if err != nil || !ok || user == "" || password == "" {
		return Server{}, ErrServer
	}
	server := Server{Host: host, Port: port, Relay: true, Transport: "udp", User: user, Password: password}
	if scheme == "turns" {
		server.Transport = "tls"
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return Server{}, ErrServer
	}
	if t := options.Get("transport"); t != "" {
		if t != "udp" && t != "tcp" && t != "tls" || scheme == "turns" && t == "udp" {
			return Server{}, ErrServer
		}
		if scheme == "turn" {
			server.Transport = t
		}
	}
	return server, nil
}

func hostPort(s string) (string, uint16, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /@?") {
		return "", 0, ErrServer
	}
	return host, uint16(n), nil
}
