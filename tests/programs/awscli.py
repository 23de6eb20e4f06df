# require: awscli
# entry: aws
# run: --version
# stdout: aws-cli
# run: ec2 describe-instances help
