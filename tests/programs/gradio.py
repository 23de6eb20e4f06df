# require: gradio
import urllib.request
import gradio

page = gradio.Interface(lambda text: text, "text", "text")
_, url, _ = page.launch(prevent_thread_lock=True, quiet=True)
assert b"gradio" in urllib.request.urlopen(url).read()
page.close()
print("ok")
