# require: kubernetes
from kubernetes import client, config
config.load_kube_config_from_dict({"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:9"}}], "users": [{"name": "u", "user": {}}]})
pod = client.V1Pod(metadata=client.V1ObjectMeta(name="p"), spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="i")]))
assert client.ApiClient().sanitize_for_serialization(pod)["spec"]["containers"][0]["image"] == "i"
print("ok")
