include $(sort $(wildcard $(BR2_EXTERNAL_SOTTO_PATH)/package/*/*.mk))
