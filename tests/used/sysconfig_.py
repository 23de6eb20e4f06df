import sys, sysconfig, zoneinfo

print(sysconfig.get_config_var("VERSION"), sysconfig.get_platform(), sorted(sysconfig.get_paths()))
try:
    zoneinfo.ZoneInfo("No/Where")
except zoneinfo.ZoneInfoNotFoundError as error:
    print(error)
