# require: selenium
import subprocess
from selenium.webdriver.common.selenium_manager import SeleniumManager
assert subprocess.run([SeleniumManager._get_binary(), "--version"], capture_output=True, text=True, check=True).stdout.startswith("selenium-manager")
print("ok")
