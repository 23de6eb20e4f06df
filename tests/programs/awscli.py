# require: awscli
"""The script `aws` is not an entry point; it does no more than this."""
import sys

from awscli.clidriver import main

sys.argv[1:] = ["configure", "list"]
main()
sys.argv[1:] = ["ec2", "describe-instances", "--generate-cli-skeleton"]
assert main() == 0
print("ok")
