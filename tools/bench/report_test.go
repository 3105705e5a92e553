package main

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/tools/bench/peers"
)

// What grows is told, and so is what was not measured.
func TestSoakJudges(t *testing.T) {
	steady := func() *soaked {
		s := &soaked{}
		for i := range 40 {
			h := peers.Health{Goroutines: 16, Descriptors: 14, Threads: 14, MemoryKB: 21000 + i%3*200}
			s.Samples = append(s.Samples, sample{Minute: float64(i), Sides: [2]peers.Health{h, h}})
			for d := range s.Delay {
				s.Delay[d] = append(s.Delay[d], window{Chirps: 60, P50: 80 + float64(i%5), P95: 100})
			}
		}
		return s
	}
	if s := steady(); true {
		if s.judge(); len(s.Missed) != 0 {
			t.Fatalf("steady, and yet %v", s.Missed)
		}
	}
	for name, change := range map[string]func(s *soaked){
		"delay":       func(s *soaked) { s.Delay[1][39].P50 += 400 },
		"goroutines":  func(s *soaked) { grow(s, func(h *peers.Health) { h.Goroutines++ }) },
		"descriptors": func(s *soaked) { grow(s, func(h *peers.Health) { h.Descriptors++ }) },
		"memory":      func(s *soaked) { grow(s, func(h *peers.Health) { h.MemoryKB += 2000 }) },
		"kB":          func(s *soaked) { s.Samples = nil },
	} {
		s := steady()
		change(s)
		if s.judge(); len(s.Missed) == 0 || !strings.Contains(strings.Join(s.Missed, " "), name) {
			t.Errorf("%s: %v", name, s.Missed)
		}
		if !strings.Contains(s.markdown(), "Grew") {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// grow changes the last quarter of a side.
func grow(s *soaked, by func(*peers.Health)) {
	for i := 30; i < 40; i++ {
		by(&s.Samples[i].Sides[0])
	}
}

func TestReportHasPictureAndMisses(t *testing.T) {
	f := &figures{Date: "2026-01-02T03:04:05Z", Load: "0.1", Programs: map[string]map[string]float64{
		"sotto":     {"mouth_to_ear_p95_ms": 44, "cpu_of_60s_call_s": 2, "peak_memory_mb": 19, "loss_0_stoi": 0.99, "loss_20_stoi": 0.98},
		"linphonec": {"mouth_to_ear_p95_ms": 77, "cpu_of_60s_call_s": 3, "peak_memory_mb": 64, "loss_0_stoi": 0.99, "loss_20_stoi": 0.94},
	}}
	if f.judge(); len(f.Missed) != 0 {
		t.Errorf("all is within its bounds, and yet %v", f.Missed)
	}
	f.Programs["sotto"]["cpu_of_60s_call_s"] = 3.5
	if f.judge(); len(f.Missed) != 1 || !strings.Contains(f.Missed[0], "linphonec") {
		t.Errorf("slower than a peer: %v", f.Missed)
	}
	name := filepath.Join(t.TempDir(), "plot.png")
	if err := f.plot(name); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	found := [2]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			for i := range found {
				if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) == inks[i].R && uint8(g>>8) == inks[i].G && uint8(b>>8) == inks[i].B {
					found[i]++
				}
			}
		}
	}
	if found[0] < 5000 || found[1] < 5000 {
		t.Errorf("%v pixels of the programs' colours", found)
	}
}
