# require: streamlit
# entry: streamlit
# run: version
# stdout: Streamlit
