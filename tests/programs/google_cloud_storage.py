# require: google-cloud-storage
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
client = storage.Client("project", AnonymousCredentials(), client_options=ClientOptions(api_endpoint="http://127.0.0.1:9"))
blob = client.bucket("bucket").blob("a/b.txt")
assert blob.path == "/b/bucket/o/a%2Fb.txt" and blob.public_url.endswith("/bucket/a/b.txt")
print("ok")
