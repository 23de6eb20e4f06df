# require: qrcode[pil] python-barcode
# entry: qr
# run: --ascii hello
# stdout: █
# run: --output a.png hello
