# Verbs for the card: included by the Makefile. BOARD=rpi3|rpi4|rpizero2w|qemuvirt, KERNEL=own|debian.
KERNEL ?= own

.PHONY: kernel
kernel: ## our own small arm64 kernel from Debian's source (once, about 10 minutes; KERNEL=debian fetches Debian's)
	@board/kernel/$(if $(filter debian,$(KERNEL)),debian,build).sh

.PHONY: parts
parts: ## the kernels, wpa_supplicant, Tor and the emulator ahead of time, at the lowest priority (a quarter of an hour, once)
	@tools/setup/parts.sh

.PHONY: image
image: ## build/sotto-BOARD.img, the SD card of a board (make image BOARD=rpi4; KEYS='a.pub b.pub' sign its updates; TOR=0)
	@tools/mkimage/image.sh "$(BOARD)" "$(KERNEL)"

.PHONY: flash
flash: ## writes the card: make flash BOARD=rpi4 DEV=/dev/sdX (refuses mounted and system disks)
	@tools/mkimage/flash.sh "build/sotto-$(or $(BOARD),rpi4).img" "$(DEV)"

.PHONY: qemu
qemu: ## boots the image in QEMU (BOARD=qemuvirt or rpi3): screen and keys on VNC 127.0.0.1:5900, console here
	@tools/hil/qemu.sh "$(or $(BOARD),qemuvirt)" "$(KERNEL)"

.PHONY: hil
hil: ## the very image on emulated boards: screen, keys, cable, ear and mouth; report in build/hil/report.md
	@tools/hil/hil.sh "$(KERNEL)"

.PHONY: wifi
wifi: ## a handset on emulated radios: joins by keys, calls, walks out of reach and back, takes a cable (Debian's kernel); report in build/hil-wifi
	@tools/hil/wifi.sh

.PHONY: start-time
start-time: ## kernel start to screen on an idle emulated Pi 3, the median of five (KERNEL=debian too)
	@HIL_STARTS=5 HIL_BAR=$(if $(filter debian,$(KERNEL)),8s,3s) tools/hil/hil.sh "$(KERNEL)" 'TestPi3$$'

.PHONY: cuts
cuts: ## 200 power cuts of the image on an emulated card, and every write of a simulated one (CUTS=n)
	@$(GO) test -count=1 -run 'Cut|EveryWrite' ./firmware/boot ./firmware/update ./firmware/vault ./firmware/phonebook
	@HIL_CUTS=$(or $(CUTS),200) tools/hil/hil.sh "$(KERNEL)" TestCuts 180m

.PHONY: buildroot-lint
buildroot-lint: ## the Buildroot tree: structure, paths, scripts
	@buildroot/lint.sh
