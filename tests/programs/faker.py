# require: faker
# musl
import faker
assert faker.Faker("de_DE").name() and faker.Faker(["ja_JP", "en_US"]).address()
print("ok")
