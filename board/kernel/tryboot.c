// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells the Raspberry Pi's firmware to start the other slot for one time: reboot(2) with the argument "0 tryboot".
 *
 * The firmware takes the wish by its mailbox (property tag "set reboot flags", bit 0) and forgets it when it starts, so
 * that whatever becomes of the slot that is tried, the start after it is again one of the slot that autoboot.txt names.
 * Linux as it is published tells the firmware of a restart, but not of this argument.
 */
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/of.h>
#include <linux/reboot.h>
#include <linux/string.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

#define SET_REBOOT_FLAGS 0x00038064
#define REBOOT_TRYBOOT BIT(0)

static int sotto_tryboot(struct notifier_block *nb, unsigned long action, void *argument)
{
	struct device_node *node;
	struct rpi_firmware *firmware;
	u32 flags = REBOOT_TRYBOOT;
	int err = -ENODEV;

	if (action != SYS_RESTART || !argument || !strstr(argument, "tryboot"))
		return NOTIFY_DONE;
	node = of_find_compatible_node(NULL, NULL, "raspberrypi,bcm2835-firmware");
	firmware = node ? rpi_firmware_get(node) : NULL;
	of_node_put(node);
	if (firmware) {
		err = rpi_firmware_property(firmware, SET_REBOOT_FLAGS, &flags, sizeof(flags));
		rpi_firmware_put(firmware);
	}
	if (err)
		pr_err("sotto: the firmware does not take the wish to try the other slot: %d\n", err);
	return NOTIFY_DONE;
}

static struct notifier_block sotto_tryboot_block = { .notifier_call = sotto_tryboot };

static int __init sotto_tryboot_init(void)
{
	return register_reboot_notifier(&sotto_tryboot_block);
}
device_initcall(sotto_tryboot_init);
