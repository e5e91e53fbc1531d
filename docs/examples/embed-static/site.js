// Any button of the page can open the conversation.  The script is async: "eddy-ready" comes if it was not there yet.
document.getElementById("ask").addEventListener("click", () => {
	if (window.Eddy) Eddy.open();
	else addEventListener("eddy-ready", () => Eddy.open(), { once: true });
});
