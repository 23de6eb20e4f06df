# require: azure-storage-blob
import base64
from azure.storage.blob import BlobServiceClient, generate_blob_sas, BlobSasPermissions
import datetime
key = base64.b64encode(b"k" * 32).decode()
client = BlobServiceClient("http://127.0.0.1:9/account", credential={"account_name": "account", "account_key": key})
assert client.get_blob_client("c", "b").url == "http://127.0.0.1:9/account/c/b"
token = generate_blob_sas("account", "c", "b", account_key=key, permission=BlobSasPermissions(read=True), expiry=datetime.datetime(2030, 1, 1))
assert "sig=" in token
print("ok")
