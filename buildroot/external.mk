include $(sort $(wildcard $(BR2_EXTERNAL_SOTTO_PATH)/package/*/*.mk))

# The one driver of ours lies beside that of the Raspberry Pi's firmware, as in board/kernel/build.sh.
define SOTTO_TRYBOOT
	cp $(BR2_EXTERNAL_SOTTO_PATH)/../board/kernel/tryboot.c $(@D)/drivers/firmware/sotto-tryboot.c
	echo 'obj-$$(CONFIG_RASPBERRYPI_FIRMWARE) += sotto-tryboot.o' >> $(@D)/drivers/firmware/Makefile
endef
LINUX_POST_PATCH_HOOKS += SOTTO_TRYBOOT
