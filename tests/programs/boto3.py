# require: boto3
# musl
import boto3

session = boto3.session.Session(region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
assert "ec2" in session.get_available_services()
client = session.client("s3")
url = client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})
assert url.startswith("https://"), url
assert "us-east-1" in session.get_available_regions("lambda")
print("ok")
