<%@ page contentType="text/plain; charset=US-ASCII" session="false" isErrorPage="true" trimDirectiveWhitespaces="true" %><%--
Responds with the request as Tomcat reads it: see ../../../../reading.rs. A page needs no compiler of its own.
--%><%!
    static String hex(String text) throws Exception {
        return hex(text.getBytes("ISO-8859-1"));
    }

    static String hex(byte[] bytes) {
        return java.util.HexFormat.of().formatHex(bytes);
    }
%><%
    StringBuilder text = new StringBuilder("method " + hex(request.getMethod()));
    String query = request.getQueryString();
    text.append("\ntarget " + hex(request.getRequestURI() + (query == null ? "" : "?" + query)));
    for (String name : java.util.Collections.list(request.getHeaderNames())) {
        for (String value : java.util.Collections.list(request.getHeaders(name))) {
            text.append("\nheader " + hex(name) + " " + hex(value));
        }
    }
    byte[] body = request.getInputStream().readAllBytes();
    text.append("\nbody " + hex(java.security.MessageDigest.getInstance("SHA-256").digest(body)));
    response.setContentLength(text.length());
    out.print(text);
%>
