################################################################################
#
# sotto
#
################################################################################

SOTTO_VERSION = local
SOTTO_SITE = $(BR2_EXTERNAL_SOTTO_PATH)/..
SOTTO_SITE_METHOD = local
SOTTO_LICENSE_FILES = LICENSE
SOTTO_DEPENDENCIES = opus speexdsp
SOTTO_GOMOD = sotto
SOTTO_BUILD_TARGETS = firmware/handset
SOTTO_TAGS = nolibopusfile netgo osusergo
SOTTO_LDFLAGS = -s -w -buildid= -linkmode external -extldflags "-static"

# The whole root file system is this program under the name of the first process.
define SOTTO_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0555 $(@D)/bin/handset $(TARGET_DIR)/init
endef

$(eval $(golang-package))
