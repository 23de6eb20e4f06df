# require: peewee
# musl
import peewee
database = peewee.SqliteDatabase("words.db")
class Word(peewee.Model):
    text = peewee.CharField(unique=True)
    class Meta: database = database
database.create_tables([Word])
with database.atomic():
    Word.insert_many([{"text": text} for text in ("b", "a", "c")]).execute()
assert [word.text for word in Word.select().order_by(Word.text).limit(2)] == ["a", "b"]
print("ok")
