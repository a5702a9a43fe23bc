"""The Evaluate page alone, for Streamlit's test runner; worker processes import this file and must not draw it."""

if __name__ == "__main__":
    from explorer.views import evaluate

    evaluate.render()
