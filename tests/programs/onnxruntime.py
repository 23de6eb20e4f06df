# require: onnxruntime tokenizers sentencepiece
import onnxruntime, sentencepiece, tokenizers

assert "CPUExecutionProvider" in onnxruntime.get_available_providers()
assert tokenizers.Tokenizer(tokenizers.models.BPE()).get_vocab_size() == 0
print("ok")
