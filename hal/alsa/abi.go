package alsa

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's side: include/uapi/sound/asound.h, protocol 2.0.15. Sizes and numbers are the same on amd64 and arm64;
// abi_test.go compares every size and offset with the header by the C compiler.
const (
	ioHWRefine = 0xc2604110
	ioHWParams = 0xc2604111
	ioSWParams = 0xc0884113
	ioPrepare  = 0x4140
	ioStart    = 0x4142
	ioDrop     = 0x4143
	ioResume   = 0x4147
	ioWriteI   = 0x40184150
	ioReadI    = 0x80184151
	ioLink     = 0x40044160
	ioUnlink   = 0x4161

	ioElemList  = 0xc0505510
	ioElemInfo  = 0xc1105511
	ioElemRead  = 0xc4c85512
	ioElemWrite = 0xc4c85513
)

// Parameters of hw_params: masks first, then intervals from paramSampleBits on.
const (
	paramAccess = 0
	paramFormat = 1

	firstInterval = 8
	paramChannels = 10
	paramRate     = 11
	paramPeriod   = 13 // frames in a period
	paramPeriods  = 15 // periods in the buffer
)

const (
	accessRWInterleaved = 3
	formatS16LE         = 2
	intervalInteger     = 1 << 2
	tstampMonotonic     = 1
	protocolVersion     = 0x02000f // 2.0.15
)

type interval struct{ min, max, flags uint32 }

type hwParams struct {
	flags     uint32
	masks     [3][8]uint32
	_         [5][8]uint32
	intervals [12]interval
	_         [9]interval
	rmask     uint32
	cmask     uint32
	info      uint32
	msbits    uint32
	rateNum   uint32
	rateDen   uint32
	fifo      uint64
	_         [64]byte
}

type swParams struct {
	tstampMode   int32
	periodStep   uint32
	sleepMin     uint32
	_            uint32
	availMin     uint64
	xferAlign    uint64
	startAt      uint64
	stopAt       uint64
	silenceAt    uint64
	silenceSize  uint64
	boundary     uint64
	protocol     uint32
	tstampSource uint32
	_            [56]byte
}

type transfer struct {
	result int64
	buf    unsafe.Pointer
	frames uint64
}

type elemID struct {
	numid     uint32
	iface     int32
	device    uint32
	subdevice uint32
	name      [44]byte
	index     uint32
}

type elemList struct {
	offset, space, used, count uint32
	ids                        unsafe.Pointer
	_                          [56]byte
}

type elemInfo struct {
	id       elemID
	kind     int32
	access   uint32
	count    uint32
	owner    int32
	min, max int64
	step     int64
	_        [104]byte
	_        [64]byte
}

type elemValue struct {
	id    elemID
	_     uint64
	value [128]int64
	_     [128]byte
}

// Kinds of mixer elements that are understood.
const (
	kindBoolean = 1
	kindInteger = 2
)

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}

// wish narrows hw_params to what this package speaks. channels may be 1 or 2.
func wish(channels, period, periods int) hwParams {
	var h hwParams
	for i := range h.masks {
		for j := range h.masks[i] {
			h.masks[i][j] = ^uint32(0)
		}
	}
	for i := range h.intervals {
		h.intervals[i] = interval{min: 0, max: ^uint32(0)}
	}
	h.masks[paramAccess] = [8]uint32{1 << accessRWInterleaved}
	h.masks[paramFormat] = [8]uint32{1 << formatS16LE}
	exactly := func(param, v int) {
		h.intervals[param-firstInterval] = interval{min: uint32(v), max: uint32(v), flags: intervalInteger}
	}
	exactly(paramChannels, channels)
	exactly(paramRate, rate)
	exactly(paramPeriod, period)
	exactly(paramPeriods, periods)
	h.rmask = ^uint32(0)
	return h
}

// rules are the software parameters: we start a stream ourselves, it stops by itself when nobody serves it, so that an
// idle telephone costs no interrupts, and it wakes us when wake frames can be moved.
func rules(buffer, wake int) swParams {
	return swParams{
		periodStep: 1, availMin: uint64(wake), xferAlign: 1,
		startAt: 1 << 62, stopAt: uint64(buffer), boundary: 1 << 62,
		protocol: protocolVersion, tstampSource: tstampMonotonic,
	}
}
