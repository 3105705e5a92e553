package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"sync"
	"time"

	"sotto/hal"
	"sotto/tools/loopback"
)

//go:embed page.html
var pageHTML []byte

// page shows one handset in a browser: its screen live, its keys to press, its lamp. It promises that whatever presses a
// key (mouse, keyboard, script) is seen on the drawn device. It is a part of the simulator only; the firmware has no page.
type page struct {
	name  string
	press func(hal.KeyEvent)

	mu        sync.Mutex
	last      map[string][]byte // newest message of each kind, for a browser that joins later
	listeners map[chan []byte]struct{}
}

func newPage(name string, press func(hal.KeyEvent)) *page {
	return &page{name: name, press: press, last: map[string][]byte{}, listeners: map[chan []byte]struct{}{}}
}

// message is one server-sent event; Kind says which fields are used.
type message struct {
	Kind   string `json:"kind"` // name, screen, key, lamp, event
	Name   string `json:"name,omitempty"`
	PNG    string `json:"png,omitempty"`
	Text   string `json:"text,omitempty"`
	Key    string `json:"key,omitempty"`
	Action string `json:"action,omitempty"`
	Lamp   bool   `json:"lamp,omitempty"`
	Event  any    `json:"event,omitempty"`
}

// broadcast sends m to every open browser; a browser that does not read loses messages, the handset does not wait.
func (p *page) broadcast(m message) {
	b, err := json.Marshal(m)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.Kind != "key" {
		p.last[m.Kind] = b
	}
	for c := range p.listeners {
		select {
		case c <- b:
		default:
		}
	}
}

// screen shows a new frame.
func (p *page) screen(img image.Image, text string) {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if enc.Encode(&b, img) == nil {
		p.broadcast(message{Kind: "screen", PNG: base64.StdEncoding.EncodeToString(b.Bytes()), Text: text})
	}
}

func (p *page) key(k hal.KeyEvent) {
	action := [...]string{"down", "held", "up"}[k.Action]
	p.broadcast(message{Kind: "key", Key: k.Key.String(), Action: action})
}

// serve listens on addr at once, so that a port in use is an error before the handset starts.
func (p *page) serve(addr string) error {
	l, err := loopback.Listen(addr)
	if err != nil {
		return fmt.Errorf("--http %s: %w", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", loopback.Page(pageHTML))
	mux.HandleFunc("GET /stream", p.stream)
	mux.HandleFunc("POST /key", p.postKey)
	p.broadcast(message{Kind: "name", Name: p.name})
	srv := &http.Server{Handler: loopback.Guard(mux), ReadHeaderTimeout: 5 * time.Second}
	go srv.Serve(l)
	return nil
}

// stream is the live view as server-sent events.
func (p *page) stream(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "no streaming here", http.StatusInternalServerError)
		return
	}
	c := make(chan []byte, 64)
	p.mu.Lock()
	for _, b := range p.last {
		c <- b
	}
	p.listeners[c] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.listeners, c)
		p.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	for {
		select {
		case <-r.Context().Done():
			return
		case b := <-c:
			if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
				return
			}
			flusher.Flush()
		}
	}
}

// postKey presses a key: form values key (a key's name) and action (down, held or up).
func (p *page) postKey(w http.ResponseWriter, r *http.Request) {
	k, ok := hal.ParseKey(r.FormValue("key"))
	action, known := map[string]hal.KeyAction{"down": hal.Pressed, "held": hal.Held, "up": hal.Released}[r.FormValue("action")]
	if !ok || !known {
		http.Error(w, "key or action unknown", http.StatusBadRequest)
		return
	}
	p.press(hal.KeyEvent{Key: k, Action: action})
	w.WriteHeader(http.StatusNoContent)
}
