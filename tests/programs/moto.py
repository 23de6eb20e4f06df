# require: moto[s3,sqs]
import os
os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_DEFAULT_REGION="us-east-1")
import boto3, moto
with moto.mock_aws():
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"body")
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"body"
    queue = boto3.resource("sqs").create_queue(QueueName="q")
    queue.send_message(MessageBody="m")
    assert queue.receive_messages()[0].body == "m"
print("ok")
