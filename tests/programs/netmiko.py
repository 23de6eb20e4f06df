# require: netmiko textfsm ntc-templates
from netmiko.ssh_dispatcher import CLASS_MAPPER
from netmiko.utilities import get_structured_data
assert "cisco_ios" in CLASS_MAPPER
text = "Interface              IP-Address      OK? Method Status                Protocol\nVlan1                  10.0.0.1        YES NVRAM  up                    up\n"
rows = get_structured_data(text, platform="cisco_ios", command="show ip interface brief")
assert rows[0]["ip_address"] == "10.0.0.1", rows
print("ok")
