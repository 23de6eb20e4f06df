# require: fakeredis[lua]
import fakeredis
redis = fakeredis.FakeRedis(decode_responses=True)
redis.rpush("list", "a", "b")
redis.hset("hash", mapping={"k": "v"})
assert redis.lrange("list", 0, -1) == ["a", "b"] and redis.hgetall("hash") == {"k": "v"}
assert redis.eval("return redis.call('llen', KEYS[1])", 1, "list") == 2
print("ok")
