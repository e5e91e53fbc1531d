/*
 * What an element of a mail's HTML is: a quote or a signature by the markup of some program, hidden from the eye, or to be seen.  Programs rename classes and ids when
 * they quote ("x_", "ydp…"), so most names are looked for inside of others.
 */
#include <string.h>
#include <libxml/tree.h>

#include "html_clean.h"
#include "html_look.h"

/* ---- client markup ---- */
enum { IN_CLASS = 1, IN_ID = 2, IN_NAME = 4, IN_DATA = 8, IN_ANY = 15, EXACT = 16 };
static const struct {
	const char *what;
	unsigned where, act;
} clients[] = {
	{ "gmail_attr", IN_CLASS, MARKUP_ATTRIBUTION },
	{ "moz-cite-prefix", IN_CLASS, MARKUP_ATTRIBUTION },
	{ "nylas-quote-attribution", IN_CLASS, MARKUP_ATTRIBUTION },
	{ "OutlookMessageHeader", IN_CLASS, MARKUP_CUT | HTML_PENDING },
	{ "divRplyFwdMsg", IN_ID, MARKUP_CUT | HTML_PENDING },
	{ "appendonsend", IN_ID, MARKUP_CUT | HTML_PENDING },
	{ "stopSpelling", IN_ID, MARKUP_CUT | HTML_PENDING },
	{ "zwchr", IN_ID, MARKUP_CUT | HTML_PENDING },
	{ "__DIVIDER__", IN_DATA, MARKUP_CUT | HTML_PENDING },
	{ "mail-editor-reference-message-container", IN_ID, MARKUP_CUT | HTML_PENDING },
	{ "ms-outlook-mobile-reference-message", IN_CLASS | IN_ID, MARKUP_CUT | HTML_PENDING },
	{ "OLK_SRC_BODY_SECTION", IN_ID, MARKUP_HISTORY },
	{ "yahoo_quoted", IN_ANY, MARKUP_HISTORY },
	{ "protonmail_quote", IN_CLASS, MARKUP_HISTORY },
	{ "tutanota_quote", IN_CLASS, MARKUP_HISTORY },
	{ "zmail_extra", IN_CLASS, MARKUP_HISTORY },
	{ "__QUOTED_TEXT__", IN_DATA, MARKUP_HISTORY },
	{ "messageReplySection", IN_NAME, MARKUP_HISTORY },
	{ "front-blockquote", IN_CLASS, MARKUP_HISTORY },
	{ "mail_android_quote", IN_CLASS, MARKUP_HISTORY },
	{ "mailcontent_quote", IN_ANY, MARKUP_HISTORY },
	{ "history_container", IN_CLASS | IN_ID, MARKUP_HISTORY },
	{ "moz-forward-container", IN_CLASS, MARKUP_CUT | MARKUP_FORWARD | HTML_PENDING },
	{ "gmail_signature", IN_CLASS, MARKUP_SIGNATURE },
	{ "protonmail_signature_block", IN_CLASS, MARKUP_SIGNATURE },
	{ "moz-signature", IN_CLASS, MARKUP_SIGNATURE },
	{ "ms-outlook-mobile-signature", IN_ID | IN_CLASS, MARKUP_SIGNATURE },
	{ "AppleMailSignature", IN_ID, MARKUP_SIGNATURE },
	{ "composer_signature", IN_ID, MARKUP_SIGNATURE },
	{ "signature_old", IN_ID, MARKUP_SIGNATURE },
	{ "k9mail-signature", IN_CLASS, MARKUP_SIGNATURE },
	{ "messageSignatureSection", IN_NAME, MARKUP_SIGNATURE },
	{ "bloop_sign", IN_CLASS | IN_ID, MARKUP_SIGNATURE },
	{ "Zm-_Id_-Sgn", IN_ID | EXACT, MARKUP_SIGNATURE },
	{ "x-apple-signature", IN_CLASS, MARKUP_SIGNATURE },
	{ "mobile-signature", IN_CLASS | IN_ID, MARKUP_SIGNATURE },
	{ "_MailAutoSig", IN_NAME, MARKUP_SIGNATURE },
	{ "tutanota_signature", IN_CLASS, MARKUP_SIGNATURE },
	{ "ymail_android_signature", IN_ID, MARKUP_SIGNATURE },
	{ "ymail_ios_signature", IN_ID, MARKUP_SIGNATURE },
	{ "Signature", IN_ID | EXACT, MARKUP_SIGNATURE },
	{ "x_Signature", IN_ID | EXACT, MARKUP_SIGNATURE },
	{ "lineBreakAtBeginningOfSignature", IN_ID, MARKUP_SIGNATURE },
};

const char *mail_html_attribute(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n->properties; a != NULL; a = a->next)
		if (strcmp((const char *)a->name, name) == 0)
			return a->children != NULL && a->children->content != NULL ? (const char *)a->children->content : "";
	return NULL;
}

static bool inside(const char *value, const char *what, bool exact)
{
	if (value == NULL)
		return false;
	return exact ? strcmp(value, what) == 0 : memmem(value, strnlen(value, 512), what, strlen(what)) != NULL;
}

unsigned mail_html_client_markup(const xmlNode *n)
{
	if (n->properties == NULL)
		return 0;
	const char *class = mail_html_attribute(n, "class"), *id = mail_html_attribute(n, "id"),
	           *name = mail_html_attribute(n, "name"), *data = mail_html_attribute(n, "data-marker");
	if (class == NULL && id == NULL && name == NULL && data == NULL)
		return 0;
	unsigned found = 0;
	for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		bool exact = clients[i].where & EXACT;
		if (((clients[i].where & IN_CLASS) && inside(class, clients[i].what, exact)) ||
		    ((clients[i].where & IN_ID) && inside(id, clients[i].what, exact)) ||
		    ((clients[i].where & IN_NAME) && inside(name, clients[i].what, exact)) ||
		    ((clients[i].where & IN_DATA) && inside(data, clients[i].what, exact)))
			found |= clients[i].act;
	}
	if (name != NULL && strcmp(name, "quote") == 0) /* GMX, web.de */
		found |= MARKUP_HISTORY;
	return found;
}

/* ---- what cannot be seen ---- */

/* A style without blanks, in lower case, with ";" on both sides. */
static void style_key(const char *style, char *out, size_t size)
{
	size_t n = 0;
	out[n++] = ';';
	for (const char *p = style; *p != '\0' && n + 2 < size; p++)
		if ((unsigned char)*p > ' ')
			out[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	out[n++] = ';';
	out[n] = '\0';
}

static bool is_white(const char *v)
{
	static const char *const whites[] = { "#fff;", "#ffffff", "white", "rgb(255,255,255)", "rgba(255,255,255", "#fefefe",
		"transparent" };
	for (size_t i = 0; i < sizeof whites / sizeof whites[0]; i++)
		if (strncmp(v, whites[i], strlen(whites[i])) == 0)
			return true;
	return strncmp(v, "#fff!", 5) == 0;
}

/* A length of nothing: "0", "0px", "0.0em", but not "0.9em". */
static bool is_zero(const char *v)
{
	if (*v != '0')
		return false;
	while (*v == '0' || *v == '.')
		v++;
	return *v < '0' || *v > '9';
}

static const char *property(const char *style, const char *name)
{
	const char *p = strstr(style, name);
	return p != NULL ? p + strlen(name) : NULL;
}

bool mail_html_is_hidden(const xmlNode *n, const struct html_hidden *rules, bool *bright)
{
	if (n->properties == NULL)
		return false;
	if (mail_html_attribute(n, "hidden") != NULL)
		return true;
	if (mail_html_hides(rules, mail_html_attribute(n, "class"), mail_html_attribute(n, "id")))
		return true;
	char key[2048];
	const char *style = mail_html_attribute(n, "style"), *color = mail_html_attribute(n, "color"),
	           *bg = mail_html_attribute(n, "bgcolor"), *v;
	bool white = false;
	if (bg != NULL && *bg != '\0') {
		style_key(bg, key, sizeof key);
		*bright = is_white(key + 1);
	}
	if (color != NULL) {
		style_key(color, key, sizeof key);
		white = is_white(key + 1) && strcmp(key + 1, "transparent;") != 0;
	}
	if (style != NULL && *style != '\0') {
		style_key(style, key, sizeof key);
		if (mail_html_style_hides(key))
			return true;
		if ((v = property(key, ";background-color:")) != NULL || (v = property(key, ";background:")) != NULL) {
			if (strncmp(v, "none", 4) != 0 && strncmp(v, "inherit", 7) != 0 && strncmp(v, "transparent", 11) != 0 &&
			    strncmp(v, "initial", 7) != 0)
				*bright = is_white(v);
		}
		if ((v = property(key, ";background-image:")) != NULL && strncmp(v, "none", 4) != 0)
			*bright = false;
		if ((v = property(key, ";color:")) != NULL)
			white = is_white(v);
	}
	if (mail_html_attribute(n, "background") != NULL)
		*bright = false;
	return white && *bright;
}

bool mail_html_style_hides(const char *key)
{
	const char *v;
	if ((v = property(key, ";display:")) != NULL && strncmp(v, "none", 4) == 0)
		return true;
	if ((v = property(key, ";visibility:")) != NULL && (strncmp(v, "hidden", 6) == 0 || strncmp(v, "collapse", 8) == 0))
		return true;
	if ((v = property(key, ";opacity:")) != NULL && is_zero(v))
		return true;
	if ((v = property(key, ";font-size:")) != NULL && (is_zero(v) || strncmp(v, "1px", 3) == 0 || strncmp(v, "0.1", 3) == 0))
		return true;
	if ((v = property(key, ";mso-hide:")) != NULL && strncmp(v, "all", 3) == 0)
		return true;
	const bool clipped = strstr(key, ";overflow:hidden") != NULL;
	if (clipped &&
	    (((v = property(key, ";max-height:")) != NULL && is_zero(v)) ||
	        ((v = property(key, ";height:")) != NULL && is_zero(v)) ||
	        ((v = property(key, ";max-width:")) != NULL && is_zero(v)) ||
	        ((v = property(key, ";width:")) != NULL && is_zero(v))))
		return true;
	if ((v = property(key, ";text-indent:")) != NULL && strncmp(v, "-999", 4) == 0)
		return true;
	if (strstr(key, ";position:absolute") != NULL &&
	    (((v = property(key, ";left:")) != NULL && (strncmp(v, "-999", 4) == 0 || strncmp(v, "-1000", 5) == 0)) ||
	        ((v = property(key, ";top:")) != NULL && (strncmp(v, "-999", 4) == 0 || strncmp(v, "-1000", 5) == 0))))
		return true;
	return false;
}

/* The line above a quoted header block in Outlook's mails. */
bool mail_html_is_border(const xmlNode *n)
{
	const char *style = mail_html_attribute(n, "style");
	if (style == NULL || strstr(style, "border") == NULL)
		return false;
	char key[2048];
	style_key(style, key, sizeof key);
	const char *v = property(key, ";border-top:");
	return v != NULL &&
	    (strstr(key, "solid#e1e1e1") != NULL || strstr(key, "solid#b5c4df") != NULL ||
	        strstr(key, "#e1e1e11.0ptsolid") != NULL || strstr(key, "#b5c4df1.0ptsolid") != NULL ||
	        strstr(key, "1ptsolid#e1e1e1") != NULL || strstr(key, "1ptsolid#b5c4df") != NULL);
}
