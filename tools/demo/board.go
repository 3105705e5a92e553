package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"

	"sotto/tools/loopback"
	"sotto/tools/wiretap"
)

//go:embed demo.html
var demoHTML []byte

//go:embed sound.js
var soundJS []byte

// board is the page's server: what it shows and what can be switched on it.
type board struct {
	pair *pair
	path *wiretap.Path

	mu  sync.Mutex
	set settings
}

// settings are the positions of the switches.
type settings struct {
	Loss     int  `json:"loss"`   // percent
	Delay    int  `json:"delay"`  // milliseconds
	Jitter   int  `json:"jitter"` // milliseconds
	Attacker bool `json:"attacker"`
}

// The ends of the scales.
const (
	mostLoss   = 40
	mostDelay  = 500
	mostJitter = 200
)

// news is one message of the stream.
type news struct {
	View  wiretap.View `json:"view"`
	Notes []note       `json:"notes"`
	Set   settings     `json:"set"`
}

// routes is the whole page.
func (b *board) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", loopback.Page(demoHTML))
	mux.HandleFunc("GET /sound.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Write(soundJS)
	})
	mux.HandleFunc("GET /news", b.stream)
	mux.HandleFunc("POST /set", b.change)
	mux.HandleFunc("POST /new", b.renew)
	for i, e := range b.pair.ends {
		mux.Handle("/"+e.Name+"/", http.StripPrefix("/"+e.Name, proxy(b.pair.http[i])))
		mux.HandleFunc("GET /"+e.Name+"/sound", func(w http.ResponseWriter, r *http.Request) { carry(w, r, b.pair.socket(e.Name)) })
	}
	return mux
}

// proxy hands the browser's requests to a handset's own page, so that one origin shows both. Whose request it is has
// been looked at already.
func proxy(host string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: host})
			r.Out.Header.Del("Origin")
		},
		FlushInterval: -1,                         // server-sent events are to be seen at once
		ErrorLog:      log.New(io.Discard, "", 0), // a handset that is made new ends its streams
	}
}

// newsEvery is how often the page is told what happened.
const newsEvery = 200 * time.Millisecond

// stream tells a browser what happens, as server-sent events.
func (b *board) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	ticker := time.NewTicker(newsEvery)
	defer ticker.Stop()
	var packets, notes int
	for {
		v, err := b.path.View(packets)
		if err != nil {
			return
		}
		n := news{View: v, Notes: b.pair.since(notes)}
		b.mu.Lock()
		n.Set = b.set
		b.mu.Unlock()
		if len(v.Packets) > 0 {
			packets = v.Packets[len(v.Packets)-1].N
		}
		if len(n.Notes) > 0 {
			notes = n.Notes[len(n.Notes)-1].N
		}
		line, err := json.Marshal(n)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", line); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// change sets the switches: form values loss, delay, jitter, attacker; all or none of them.
func (b *board) change(w http.ResponseWriter, r *http.Request) {
	number := func(name string, most int) (int, bool) {
		n, err := strconv.Atoi(r.FormValue(name))
		return n, err == nil && n >= 0 && n <= most
	}
	loss, ok1 := number("loss", mostLoss)
	delay, ok2 := number("delay", mostDelay)
	jitter, ok3 := number("jitter", mostJitter)
	on := r.FormValue("attacker")
	if !ok1 || !ok2 || !ok3 || on != "on" && on != "off" {
		http.Error(w, "want loss 0-40, delay 0-500, jitter 0-200, attacker on or off", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set = settings{loss, delay, jitter, on == "on"}
	err := b.path.SetWeather(wiretap.Weather{Loss: float64(loss) / 100, Delay: time.Duration(delay) * time.Millisecond,
		Jitter: time.Duration(jitter) * time.Millisecond})
	if err == nil {
		err = b.path.SetAttacker(b.set.Attacker)
	}
	answer(w, err)
}

// renew gives both people handsets that have met nobody, and an attacker who knows nobody.
func (b *board) renew(w http.ResponseWriter, _ *http.Request) {
	err := b.pair.renew()
	if err == nil {
		err = b.path.Forget()
	}
	answer(w, err)
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
