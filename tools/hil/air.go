//go:build hil

package hil

import (
	"errors"
	"os"
	"path/filepath"
)

// point is an access point as hostapd is told.
func point(ssid, password string) string {
	conf := "interface=wlan1\ndriver=nl80211\nbridge=br0\nhw_mode=g\nchannel=6\nssid=" + ssid + "\n"
	if password == "" {
		return conf
	}
	return conf + "wpa=2\nwpa_key_mgmt=WPA-PSK WPA-PSK-SHA256\nrsn_pairwise=CCMP\nieee80211w=1\nwpa_passphrase=" + password + "\n"
}

// air puts radios and an access point in front of an initramfs.
func air(initrd, conf string) error {
	var f front
	f.add("air.d", 0o040755, nil)
	f.add("air.d/hostapd.conf", 0o100444, []byte(conf))
	tree := filepath.Join(root, "build/cache/hostapd-arm64")
	modules := filepath.Join(root, "build/air-modules")
	list, err := os.ReadDir(modules)
	for _, e := range list {
		b, err2 := os.ReadFile(filepath.Join(modules, e.Name()))
		err = errors.Join(err, err2)
		f.add("air.d/"+e.Name(), 0o100444, b)
	}
	return errors.Join(err, f.program("air", filepath.Join(root, "build/air-arm64")),
		f.program("air.d/ld.so", filepath.Join(tree, "lib/aarch64-linux-gnu/ld-linux-aarch64.so.1")),
		f.debian(tree, "air.d", "iw", filepath.Join(tree, "sbin/iw")),
		f.debian(tree, "air.d", "hostapd", filepath.Join(tree, "usr/sbin/hostapd")), f.before(initrd))
}
