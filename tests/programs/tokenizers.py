# require: tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
tokenizer = Tokenizer(models.BPE(unk_token="?"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer.train_from_iterator(["low lower lowest"] * 3, trainers.BpeTrainer(special_tokens=["?"], vocab_size=30))
assert tokenizer.encode("lower").tokens[0].startswith("low")
print("ok")
