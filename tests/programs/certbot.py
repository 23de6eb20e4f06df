# require: certbot
# entry: certbot
# run: --config-dir c --work-dir w --logs-dir l certificates
# stdout: No certificates found
