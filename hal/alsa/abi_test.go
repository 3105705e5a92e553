package alsa

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// TestABI asks the C compiler for every number that abi.go states by hand.
func TestABI(t *testing.T) {
	var (
		h  hwParams
		s  swParams
		x  transfer
		id elemID
		l  elemList
		in elemInfo
		v  elemValue
	)
	facts := []struct {
		c    string
		ours uint64
	}{
		{"sizeof(struct snd_pcm_hw_params)", uint64(unsafe.Sizeof(h))},
		{"offsetof(struct snd_pcm_hw_params, intervals)", uint64(unsafe.Offsetof(h.intervals))},
		{"offsetof(struct snd_pcm_hw_params, rmask)", uint64(unsafe.Offsetof(h.rmask))},
		{"offsetof(struct snd_pcm_hw_params, fifo_size)", uint64(unsafe.Offsetof(h.fifo))},
		{"sizeof(struct snd_pcm_sw_params)", uint64(unsafe.Sizeof(s))},
		{"offsetof(struct snd_pcm_sw_params, avail_min)", uint64(unsafe.Offsetof(s.availMin))},
		{"offsetof(struct snd_pcm_sw_params, start_threshold)", uint64(unsafe.Offsetof(s.startAt))},
		{"offsetof(struct snd_pcm_sw_params, stop_threshold)", uint64(unsafe.Offsetof(s.stopAt))},
		{"offsetof(struct snd_pcm_sw_params, boundary)", uint64(unsafe.Offsetof(s.boundary))},
		{"offsetof(struct snd_pcm_sw_params, proto)", uint64(unsafe.Offsetof(s.protocol))},
		{"offsetof(struct snd_pcm_sw_params, tstamp_type)", uint64(unsafe.Offsetof(s.tstampSource))},
		{"sizeof(struct snd_xferi)", uint64(unsafe.Sizeof(x))},
		{"offsetof(struct snd_xferi, buf)", uint64(unsafe.Offsetof(x.buf))},
		{"offsetof(struct snd_xferi, frames)", uint64(unsafe.Offsetof(x.frames))},
		{"sizeof(struct snd_ctl_elem_id)", uint64(unsafe.Sizeof(id))},
		{"offsetof(struct snd_ctl_elem_id, name)", uint64(unsafe.Offsetof(id.name))},
		{"sizeof(struct snd_ctl_elem_list)", uint64(unsafe.Sizeof(l))},
		{"offsetof(struct snd_ctl_elem_list, pids)", uint64(unsafe.Offsetof(l.ids))},
		{"sizeof(struct snd_ctl_elem_info)", uint64(unsafe.Sizeof(in))},
		{"offsetof(struct snd_ctl_elem_info, value.integer.min)", uint64(unsafe.Offsetof(in.min))},
		{"sizeof(struct snd_ctl_elem_value)", uint64(unsafe.Sizeof(v))},
		{"offsetof(struct snd_ctl_elem_value, value)", uint64(unsafe.Offsetof(v.value))},
		{"SNDRV_PCM_IOCTL_HW_REFINE", ioHWRefine}, {"SNDRV_PCM_IOCTL_HW_PARAMS", ioHWParams},
		{"SNDRV_PCM_IOCTL_SW_PARAMS", ioSWParams},
		{"SNDRV_PCM_IOCTL_PREPARE", ioPrepare}, {"SNDRV_PCM_IOCTL_START", ioStart},
		{"SNDRV_PCM_IOCTL_DROP", ioDrop}, {"SNDRV_PCM_IOCTL_RESUME", ioResume},
		{"SNDRV_PCM_IOCTL_WRITEI_FRAMES", ioWriteI}, {"SNDRV_PCM_IOCTL_READI_FRAMES", ioReadI},
		{"SNDRV_PCM_IOCTL_LINK", ioLink}, {"SNDRV_PCM_IOCTL_UNLINK", ioUnlink},
		{"SNDRV_CTL_IOCTL_ELEM_LIST", ioElemList}, {"SNDRV_CTL_IOCTL_ELEM_INFO", ioElemInfo},
		{"SNDRV_CTL_IOCTL_ELEM_READ", ioElemRead}, {"SNDRV_CTL_IOCTL_ELEM_WRITE", ioElemWrite},
		{"SNDRV_PCM_HW_PARAM_ACCESS", paramAccess}, {"SNDRV_PCM_HW_PARAM_FORMAT", paramFormat},
		{"SNDRV_PCM_HW_PARAM_FIRST_INTERVAL", firstInterval}, {"SNDRV_PCM_HW_PARAM_CHANNELS", paramChannels},
		{"SNDRV_PCM_HW_PARAM_RATE", paramRate}, {"SNDRV_PCM_HW_PARAM_PERIOD_SIZE", paramPeriod},
		{"SNDRV_PCM_HW_PARAM_PERIODS", paramPeriods},
		{"(unsigned)SNDRV_PCM_ACCESS_RW_INTERLEAVED", accessRWInterleaved}, {"(unsigned)SNDRV_PCM_FORMAT_S16_LE", formatS16LE},
		{"SNDRV_PCM_TSTAMP_TYPE_MONOTONIC", tstampMonotonic},
		{"(unsigned)SNDRV_CTL_ELEM_TYPE_BOOLEAN", kindBoolean}, {"(unsigned)SNDRV_CTL_ELEM_TYPE_INTEGER", kindInteger},
		{"(unsigned)SNDRV_PCM_STATE_RUNNING", stateRunning}, {"(unsigned)SNDRV_PCM_STATE_XRUN", stateXrun},
	}
	var src strings.Builder
	src.WriteString("#include <stddef.h>\n#include <stdio.h>\n#include <time.h>\n#include <sys/ioctl.h>\n#include <sound/asound.h>\nint main(void) {\n")
	for _, f := range facts {
		fmt.Fprintf(&src, "printf(\"%%llu\\n\", (unsigned long long)(%s));\n", f.c)
	}
	src.WriteString("return 0; }\n")
	dir := t.TempDir()
	file, bin := filepath.Join(dir, "abi.c"), filepath.Join(dir, "abi")
	if err := os.WriteFile(file, []byte(src.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", bin, file).CombinedOutput(); err != nil {
		t.Fatalf("the C compiler refuses the kernel's header: %v\n%s", err, out)
	}
	out, err := exec.Command(bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(facts) {
		t.Fatalf("%d answers for %d facts", len(lines), len(facts))
	}
	for i, f := range facts {
		if got := fmt.Sprint(f.ours); got != lines[i] {
			t.Errorf("%s is %s in the header, %s in abi.go", f.c, lines[i], got)
		}
	}
}
